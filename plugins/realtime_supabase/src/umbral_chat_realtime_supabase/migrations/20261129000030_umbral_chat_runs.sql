-- Umbral Chat on Supabase, 30: the end of a run that left no message, an entry of the kind `run`.

-- Every row that is there satisfies the new rule, as it is wider, so no row is looked at: `not valid` spares a large table
-- a scan under a lock that stops every reader.
alter table public.umbral_chat_entries drop constraint if exists umbral_chat_entries_kind_check;
alter table public.umbral_chat_entries add constraint umbral_chat_entries_kind_check
  check (kind in ('message', 'edit', 'redaction', 'update', 'run')) not valid;

-- As `umbral_chat_append`, but for what it opens: a closed conversation stays closed.
create or replace function public.umbral_chat_end_run(
  p_conversation text, p_entry text, p_author text,
  p_key text default null, p_fingerprint text default null, p_epoch text default null)
returns json
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  room public.umbral_chat_conversations;
  answer json;
begin
  room := public._umbral_chat_open(p_conversation, p_epoch is null);
  answer := public._umbral_chat_answered(room, p_conversation, p_epoch, p_author, p_key, p_fingerprint);
  if answer is not null then
    return answer;
  end if;
  return public._umbral_chat_appended(
    room, public._umbral_chat_put(room.log, p_entry, null, p_author, p_key, p_fingerprint));
end
$$;

-- The service alone calls it.
revoke all on function public.umbral_chat_end_run(text, text, text, text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.umbral_chat_end_run(text, text, text, text, text, text) to service_role;

insert into public.umbral_chat_migrations (version, name)
values ('20261129000030', 'umbral_chat_runs') on conflict (version) do nothing;
notify pgrst, 'reload schema';
