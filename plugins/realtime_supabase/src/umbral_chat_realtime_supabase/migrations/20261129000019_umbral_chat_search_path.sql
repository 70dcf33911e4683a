-- Umbral Chat on Supabase, 19: no function of ours takes a name from the session of whoever calls it.
--
-- A search path that is empty still has pg_temp in front, for types and tables (PostgreSQL's manual, "Writing SECURITY
-- DEFINER Functions Safely"): whoever can make a temporary domain named `text`, with a check that calls a function of its
-- own, had that function called by ours, as their owner. Named last, pg_temp is looked into last, and everything that our
-- functions name without a schema is found in pg_catalog before.
--
-- This changes functions of all files before it: whoever runs one of those again runs this one after it. The doctor looks
-- for functions that are not so.

-- Rights, row level security and policies that are not as the migrations made them. Each a list of names; empty is well.
create or replace function public._umbral_chat_openings() returns json
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with ours as (
    select c.oid, c.relname::text as name, c.relkind as kind, c.relrowsecurity as guarded
    from pg_catalog.pg_class c
    where c.relnamespace = 'public'::pg_catalog.regnamespace and c.relkind in ('r', 'S') and c.relname like 'umbral\_chat\_%'
  ), functions as (
    select p.oid, p.proname::text as name, p.proname ~ '^umbral_chat_my_' as mine,
      'search_path=pg_catalog, pg_temp' = any (coalesce(p.proconfig, '{}')) as pinned
    from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::pg_catalog.regnamespace and p.proname ~ '^_?umbral_chat_'
  ), wanted (relation, policy) as (
    values ('public.umbral_chat_conversations', 'umbral_chat_members_read'),
      ('public.umbral_chat_entries', 'umbral_chat_members_read'),
      ('realtime.messages', 'umbral_chat_members_listen'),
      ('realtime.messages', 'umbral_chat_topics_are_read_by_members'),
      ('realtime.messages', 'umbral_chat_topics_are_closed_to_anon'),
      ('realtime.messages', 'umbral_chat_topics_are_written_by_the_service'),
      ('realtime.messages', 'umbral_chat_topics_are_not_changed'),
      ('realtime.messages', 'umbral_chat_topics_are_not_deleted')
  ), found_ones as (
    select schemaname || '.' || tablename as relation, policyname::text as policy from pg_catalog.pg_policies
    where schemaname = 'realtime' and tablename = 'messages' or schemaname = 'public' and tablename like 'umbral\_chat\_%'
  ), granted as (
    -- A role has what everybody has, too.
    select 'table ' || o.name || ': ' || verb || ' for ' || caller as opening
    from ours o, pg_catalog.unnest(array['select', 'insert', 'update', 'delete', 'truncate']) as verb,
      pg_catalog.unnest(array['anon', 'authenticated']) as caller
    where o.kind = 'r' and pg_catalog.has_table_privilege(caller, o.oid, verb)
      and not (caller = 'authenticated' and verb = 'select'
        and o.name in ('umbral_chat_conversations', 'umbral_chat_entries'))
    union all
    select 'function ' || f.name || ' for ' || caller
    from functions f, pg_catalog.unnest(array['anon', 'authenticated']) as caller
    where pg_catalog.has_function_privilege(caller, f.oid, 'execute') and not (f.mine and caller = 'authenticated')
  )
  select pg_catalog.json_build_object(
    'unguarded', (
      select coalesce(pg_catalog.json_agg(found.name order by found.name), '[]') from (
        select o.name from ours o where o.kind = 'r' and not o.guarded
        union all
        select 'realtime.messages' from pg_catalog.pg_class
        where oid = pg_catalog.to_regclass('realtime.messages') and not relrowsecurity) as found),
    'unpinned', (
      select coalesce(pg_catalog.json_agg(f.name order by f.name), '[]') from functions f where not f.pinned),
    'granted', (select coalesce(pg_catalog.json_agg(opening order by opening), '[]') from granted),
    'missing_policies', (
      select coalesce(pg_catalog.json_agg(w.policy || ' on ' || w.relation order by w.relation, w.policy), '[]')
      from wanted w where not exists (
        select from found_ones f where f.relation = w.relation and f.policy = w.policy)),
    -- On `realtime.messages` a project has policies of its own; on our tables nobody else has business.
    'foreign_policies', (
      select coalesce(pg_catalog.json_agg(f.policy || ' on ' || f.relation order by f.relation, f.policy), '[]')
      from found_ones f where f.relation <> 'realtime.messages' and not exists (
        select from wanted w where w.relation = f.relation and w.policy = f.policy)))
$$;

do $$
declare
  ours record;
begin
  for ours in
    select oid::regprocedure as name from pg_catalog.pg_proc
    where pronamespace = 'public'::regnamespace and proname ~ '^_?umbral_chat_' and prokind = 'f'
  loop
    execute format('alter function %s set search_path = pg_catalog, pg_temp', ours.name);
  end loop;
end
$$;

insert into public.umbral_chat_migrations (version, name)
values ('20261129000019', 'umbral_chat_search_path') on conflict (version) do nothing;
notify pgrst, 'reload schema';
