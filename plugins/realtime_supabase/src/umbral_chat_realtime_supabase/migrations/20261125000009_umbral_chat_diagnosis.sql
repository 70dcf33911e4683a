-- Umbral Chat on Supabase, 9: what `umbral-chat doctor` asks of the database, and how it leaves nothing behind.

-- Rights, row level security and policies that are not as the migrations made them. Each a list of names; empty is well.
create or replace function public._umbral_chat_openings() returns json
language sql stable set search_path = ''
as $$
  with ours as (
    select c.oid, c.relname::text as name, c.relkind as kind, c.relrowsecurity as guarded
    from pg_catalog.pg_class c
    where c.relnamespace = 'public'::pg_catalog.regnamespace and c.relkind in ('r', 'S') and c.relname like 'umbral\_chat\_%'
  ), functions as (
    select p.oid, p.proname::text as name, p.proname ~ '^umbral_chat_my_' as mine
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

-- How broadcasts leave the database: the publication, the days' partitions, and the slots of replication.
create or replace function public._umbral_chat_outlet() returns json
language sql stable set search_path = ''
as $$
  with publication as (
    select oid, pubname, puballtables, pubinsert from pg_catalog.pg_publication
    where pubname = 'supabase_realtime_messages_publication'
  ), partitions as (
    select c.oid, c.relname::text as name,
      pg_catalog.regexp_match(
        pg_catalog.pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') as bounds
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = pg_catalog.to_regclass('realtime.messages')
  ), days as (
    -- `inserted_at` has no time zone: its default is the session's time.
    select name, (localtimestamp + after)::date as day
    from (values ('today', interval '0'), ('tomorrow', interval '1 day')) as named (name, after)
  )
  select pg_catalog.json_build_object(
    'publication', exists (select from publication),
    'publishes_inserts', coalesce((select pubinsert from publication), false),
    'covers', exists (
      select from publication p where p.puballtables
        or exists (
          select from pg_catalog.pg_publication_rel r
          where r.prpubid = p.oid and r.prrelid = pg_catalog.to_regclass('realtime.messages'))
        or exists (
          select from pg_catalog.pg_publication_namespace n
          where n.pnpubid = p.oid and n.pnnspid = pg_catalog.to_regnamespace('realtime'))),
    'uncovered', (
      select coalesce(pg_catalog.json_agg(t.name order by t.name), '[]') from partitions t
      where not exists (
        select from publication p, pg_catalog.pg_get_publication_tables(p.pubname) as covered
        where covered.relid in (t.oid, pg_catalog.to_regclass('realtime.messages')))),
    'missing_days', (
      select coalesce(pg_catalog.json_agg(d.name || ' (' || d.day || ')' order by d.day), '[]') from days d
      where not exists (
        select from partitions t
        -- One without bounds that are read is the default partition, which takes any day.
        where t.bounds is null or d.day >= t.bounds[1]::timestamp and d.day < t.bounds[2]::timestamp)),
    'wal_level', pg_catalog.current_setting('wal_level'),
    'slots', (select pg_catalog.count(*) from pg_catalog.pg_replication_slots),
    'slots_limit', pg_catalog.current_setting('max_replication_slots')::int,
    'decoding', exists (
      select from pg_catalog.pg_replication_slots
      where active and plugin = 'pgoutput' and database = pg_catalog.current_database()))
$$;

create or replace function public.umbral_chat_diagnosis() returns json
language sql volatile security definer set search_path = ''
as $$
  select pg_catalog.json_build_object(
    'now', public._umbral_chat_time(pg_catalog.clock_timestamp()),
    'openings', public._umbral_chat_openings(),
    'outlet', public._umbral_chat_outlet(),
    'triggers', (
      select pg_catalog.json_object_agg(wanted.name, (
        -- `O` fires in ordinary sessions, `A` always; `R` only where changes are applied that another server sent.
        select case when t.tgenabled in ('O', 'A') then 'on' else 'off' end from pg_catalog.pg_trigger t
        where t.tgrelid = wanted.relation::pg_catalog.regclass and t.tgname = wanted.name
          and t.tgfoid = ('public._' || wanted.name)::pg_catalog.regproc))
      from (values ('umbral_chat_broadcast', 'public.umbral_chat_entries'),
        ('umbral_chat_move', 'public.umbral_chat_conversations')) as wanted (name, relation)),
    'payload_limit', public._umbral_chat_setting('payload_limit')::int,
    'connections', (select pg_catalog.sum(numbackends) from pg_catalog.pg_stat_database),
    'connections_limit', pg_catalog.current_setting('max_connections')::int)
$$;

-- The doctor's conversations go without a trace: no tombstone, and nobody is told. Deleting as everybody does would drop
-- the signals of others and leave a tombstone for a month. Only ids that the doctor draws are taken. Where its broadcasts
-- cannot be removed, the rest is, and `unerased` says why.
create or replace function public.umbral_chat_diagnosis_end(p_conversation text) returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  logs bigint[];
  drawn text := pg_catalog.substr(p_conversation, 20);
begin
  if not coalesce(p_conversation ~ '^umbral-chat-doctor:[0-9a-f]{32}$', false) then
    raise exception 'only what the doctor made is taken away without a trace' using errcode = '22023';
  end if;
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('umbral_chat:' || p_conversation, 0));
  select pg_catalog.array_agg(log) into logs from (
    select log from public.umbral_chat_conversations where id = p_conversation
    union select log from public.umbral_chat_doomed where conversation = p_conversation) as known;
  delete from public.umbral_chat_conversations where id = p_conversation;
  delete from public.umbral_chat_members where log = any (logs);
  delete from public.umbral_chat_markers where log = any (logs);
  delete from public.umbral_chat_entries where log = any (logs);
  delete from public.umbral_chat_writes where log = any (logs);
  delete from public.umbral_chat_doomed where log = any (logs);
  delete from public.umbral_chat_tombstones where id = p_conversation;
  -- A consumer of a running instance may have met it.
  delete from public.umbral_chat_records where key = p_conversation;
  delete from public.umbral_chat_leases where pg_catalog.strpos(name, p_conversation) > 0;
  begin
    delete from realtime.messages
    where inserted_at > localtimestamp - interval '1 hour' and extension = 'broadcast' and private
      and (topic = 'umbral_chat:i:doctor-' || drawn
        -- Whatever its audience was.
        or starts_with(topic, 'umbral_chat:c:' || p_conversation || '/')
        or topic = public._umbral_chat_service_topic(p_conversation) and payload ->> 'conversation' = p_conversation);
  exception
    when others then
      return pg_catalog.json_build_object('unerased', sqlstate);
  end;
  return '{}'::json;
end
$$;

do $$
declare
  callable record;
begin
  for callable in
    select oid::regprocedure as name, starts_with(proname, 'umbral_chat_') as outer_one
    from pg_catalog.pg_proc
    where pronamespace = 'public'::regnamespace
      and proname in ('_umbral_chat_openings', '_umbral_chat_outlet', 'umbral_chat_diagnosis', 'umbral_chat_diagnosis_end')
  loop
    execute format('revoke all on function %s from public, anon, authenticated, service_role', callable.name);
    if callable.outer_one then
      execute format('grant execute on function %s to service_role', callable.name);
    end if;
  end loop;
end
$$;

insert into public.umbral_chat_migrations (version, name)
values ('20261125000009', 'umbral_chat_diagnosis') on conflict (version) do nothing;
notify pgrst, 'reload schema';
