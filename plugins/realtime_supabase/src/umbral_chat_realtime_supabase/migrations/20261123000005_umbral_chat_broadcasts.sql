-- Umbral Chat on Supabase, 5 of 6: broadcasts to Realtime.
--
-- An entry is broadcast by a row in `realtime.messages`, of our own making: `realtime.send` turns every failure into a
-- warning that nobody counts. A broadcast only makes the log faster, so whatever happens to it, the entry stays stored.

-- The switch is a record of the shared store, so that every instance and this trigger see the same one. Unset, or in a
-- form that cannot be read, it is on.
create or replace function public._umbral_chat_realtime_is_on() returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((
    select (pg_catalog.convert_from(value, 'UTF8')::json ->> 'enabled')::boolean
    from public.umbral_chat_records
    where namespace = 'core' and key = 'realtime' and (expires is null or expires > pg_catalog.clock_timestamp())), true);
exception
  when data_exception then
    return true;
end
$$;

-- The service topic of a conversation: the first 32 bits of the MD5 of its id, modulo the shards. Clients of the
-- service compute the same.
create or replace function public._umbral_chat_service_topic(p_conversation text) returns text
language sql stable set search_path = ''
as $$
  select 'umbral_chat:s:' || (
    ('x' || pg_catalog.substr(pg_catalog.md5(p_conversation), 1, 8))::bit(32)::bigint
    % public._umbral_chat_setting('shards')::bigint)
$$;

create or replace function public._umbral_chat_member_topic(p_conversation text) returns text
language sql immutable set search_path = ''
as $$ select 'umbral_chat:c:' || p_conversation $$;

-- The id of an entry's row in `realtime.messages`, so that it is found again by that table's primary key.
create or replace function public._umbral_chat_broadcast_id(p_topic text, p_epoch text, p_seq bigint) returns uuid
language sql immutable set search_path = ''
as $$ select pg_catalog.md5(p_topic || '/' || p_epoch || '/' || p_seq)::uuid $$;

-- Tell the conversation's members (`p_members`) and the instances. `p_whole` is what to say; where it is null or too
-- long or cannot be said, `p_head` is said.
create or replace function public._umbral_chat_announce(
  p_conversation text, p_epoch text, p_seq bigint, p_event text, p_members boolean, p_head json, p_whole json)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  service text;
  member text := public._umbral_chat_member_topic(p_conversation);
  said jsonb;
begin
  if not public._umbral_chat_realtime_is_on() then
    return;
  end if;
  service := public._umbral_chat_service_topic(p_conversation);
  if p_whole is null then
    said := p_head;
  elsif pg_catalog.octet_length(p_whole::text) > public._umbral_chat_setting('payload_limit')::int then
    perform pg_catalog.nextval('public.umbral_chat_broadcasts_head_only');
    said := p_head;
  else
    begin
      said := p_whole;
    exception when others then
      -- JSON that `jsonb` does not take, such as a number beyond its range.
      perform pg_catalog.nextval('public.umbral_chat_broadcasts_head_only');
      said := p_head;
    end;
  end if;
  insert into realtime.messages (id, topic, extension, event, payload, private)
  select case when p_seq is null then pg_catalog.gen_random_uuid()
      else public._umbral_chat_broadcast_id(told.topic, p_epoch, p_seq) end,
    told.topic, 'broadcast', p_event, said, true
  from (values (service, true), (member, p_members)) as told (topic, wanted) where told.wanted;
exception
  when others then
    if sqlstate = '23514' and sqlerrm like 'no partition%' then
      -- Realtime makes a day's partition when it connects to the database and every four hours, not at each join. Who
      -- listens by then does not hear the entry, and reads it later.
      perform pg_catalog.nextval('public.umbral_chat_broadcasts_unpartitioned');
    else
      perform pg_catalog.nextval('public.umbral_chat_broadcasts_failed');
      raise log 'Umbral Chat: a broadcast failed and its entry is stored all the same: % (%)', sqlerrm, sqlstate;
    end if;
end
$$;

-- Remove what was broadcast of these entries. Realtime keeps its messages for three days and replays them.
create or replace function public._umbral_chat_unsay(p_conversation text, p_epoch text, p_seqs bigint[]) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from realtime.messages where id in (
    select public._umbral_chat_broadcast_id(told.topic, p_epoch, seq)
    from pg_catalog.unnest(p_seqs) as seq,
      (values (public._umbral_chat_service_topic(p_conversation)), (public._umbral_chat_member_topic(p_conversation)))
        as told (topic));
exception
  when others then
    perform pg_catalog.nextval('public.umbral_chat_broadcasts_unerased');
    raise log 'Umbral Chat: broadcast copies could not be removed: % (%)', sqlerrm, sqlstate;
end
$$;

create or replace function public._umbral_chat_broadcast() returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  room record;
begin
  select epoch, realtime into room from public.umbral_chat_conversations where log = new.log;
  perform public._umbral_chat_announce(
    -- The update that turns it off is the last that members hear.
    new.conversation, room.epoch, new.seq, 'entry', room.realtime <> 'off' or new.kind = 'update',
    pg_catalog.json_build_object('conversation', new.conversation, 'epoch', room.epoch, 'seq', new.seq),
    pg_catalog.json_build_object(
      'conversation', new.conversation, 'epoch', room.epoch, 'seq', new.seq, 'entry', new.entry));
  return null;
end
$$;

drop trigger if exists umbral_chat_broadcast on public.umbral_chat_entries;
create trigger umbral_chat_broadcast after insert on public.umbral_chat_entries
  for each row execute function public._umbral_chat_broadcast();

create or replace function public._umbral_chat_counted(p_value bigint, p_called boolean) returns bigint
language sql immutable set search_path = ''
as $$ select case when p_called then p_value + 1 else p_value end $$;

create or replace function public.umbral_chat_state() returns json
language sql stable security definer set search_path = ''
as $$
  select pg_catalog.json_build_object(
    'schema', (select pg_catalog.max(version) from public.umbral_chat_migrations),
    'realtime', public._umbral_chat_realtime_is_on(),
    'shards', public._umbral_chat_setting('shards')::int,
    'broadcasts', pg_catalog.json_build_object(
      'failed', (select public._umbral_chat_counted(last_value, is_called) from public.umbral_chat_broadcasts_failed),
      'unpartitioned', (
        select public._umbral_chat_counted(last_value, is_called) from public.umbral_chat_broadcasts_unpartitioned),
      'head_only', (
        select public._umbral_chat_counted(last_value, is_called) from public.umbral_chat_broadcasts_head_only),
      'unerased', (
        select public._umbral_chat_counted(last_value, is_called) from public.umbral_chat_broadcasts_unerased)))
$$;

-- The service alone calls these; the inner ones (`_umbral_chat_`) are called by them and by nobody else.
do $$
declare
  callable record;
begin
  for callable in
    select oid::regprocedure as name, starts_with(proname, 'umbral_chat_') as outer_one
    from pg_catalog.pg_proc
    where pronamespace = 'public'::regnamespace and proname ~ '^_?umbral_chat_' and proname !~ '^umbral_chat_my_'
  loop
    execute format('revoke all on function %s from public, anon, authenticated, service_role', callable.name);
    if callable.outer_one then
      execute format('grant execute on function %s to service_role', callable.name);
    end if;
  end loop;
end
$$;

insert into public.umbral_chat_migrations (version, name)
values ('20261123000005', 'umbral_chat_broadcasts') on conflict (version) do nothing;
notify pgrst, 'reload schema';
