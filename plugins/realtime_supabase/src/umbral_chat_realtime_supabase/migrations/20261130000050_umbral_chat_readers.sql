-- Umbral Chat on Supabase, 50: how far people have read, without moving their markers.

-- The markers of those of the readers that have one, under the former author's name, too (file 12).
create or replace function public.umbral_chat_read_markers(p_conversation text, p_readers text) returns json
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.json_build_object('markers', coalesce(pg_catalog.json_object_agg(found.reader, found.seq), '{}'))
  from (
    select asked.reader, pg_catalog.max(m.seq) as seq
    from (select distinct value as reader from pg_catalog.json_array_elements_text(p_readers::json)) as asked
    join public.umbral_chat_conversations c on c.id = p_conversation
    join public.umbral_chat_markers m
      on m.log = c.log and m.reader in (asked.reader, public._umbral_chat_former(asked.reader))
    group by asked.reader) as found
$$;

-- The service alone calls it.
revoke all on function public.umbral_chat_read_markers(text, text) from public, anon, authenticated, service_role;
grant execute on function public.umbral_chat_read_markers(text, text) to service_role;

insert into public.umbral_chat_migrations (version, name)
values ('20261130000050', 'umbral_chat_readers') on conflict (version) do nothing;
notify pgrst, 'reload schema';
