-- Umbral Chat on Supabase, 41: the service asks who wrote an entry.
--
-- The author of each entry is stored since file 1. Nobody but the service is told: it is in no entry.

-- Whether one of `p_authors` (a list in JSON) wrote the entry; null: there is no such entry, or its author is not known.
create or replace function public.umbral_chat_written_by(p_conversation text, p_seq bigint, p_authors text) returns json
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.json_build_object('written', (
    select coalesce((
      select pg_catalog.bool_or(public._umbral_chat_wrote(one.author, w.author))
      from pg_catalog.json_array_elements_text(p_authors::json) as one (author)), false)
    from public.umbral_chat_conversations c join public.umbral_chat_writes w on w.log = c.log
    where c.id = p_conversation and w.seq = p_seq and w.author is not null))
$$;

-- The service alone calls it.
do $$
begin
  revoke all on function public.umbral_chat_written_by(text, bigint, text) from public, anon, authenticated, service_role;
  grant execute on function public.umbral_chat_written_by(text, bigint, text) to service_role;
end
$$;

insert into public.umbral_chat_migrations (version, name)
values ('20261130000041', 'umbral_chat_written_by') on conflict (version) do nothing;
notify pgrst, 'reload schema';
