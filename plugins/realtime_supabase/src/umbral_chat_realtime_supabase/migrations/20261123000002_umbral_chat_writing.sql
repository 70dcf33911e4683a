-- Umbral Chat on Supabase, 2 of 6: writing.
--
-- Every function answers one JSON object. A refusal is {"refused": code}, and changed nothing. JSON comes in as text, so
-- that no gateway on the way reads its numbers.

create or replace function public._umbral_chat_setting(p_name text) returns text
language sql stable set search_path = ''
as $$ select value from public.umbral_chat_settings where name = p_name $$;

create or replace function public._umbral_chat_refused(p_code text) returns json
language sql immutable set search_path = ''
as $$ select pg_catalog.json_build_object('refused', p_code) $$;

-- RFC 3339, UTC, microseconds.
create or replace function public._umbral_chat_time(p_at timestamptz) returns text
language sql immutable set search_path = ''
as $$ select pg_catalog.to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;

-- A log's identity: 10 characters of base32. Bytes 6 and 8 of a UUID are not all random and are left out.
create or replace function public._umbral_chat_new_epoch() returns text
language sql volatile set search_path = ''
as $$
  select pg_catalog.string_agg(
    pg_catalog.substr('abcdefghijklmnopqrstuvwxyz234567', 1 + (pg_catalog.get_byte(drawn.bytes, place) & 31), 1), '')
  from (select pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) as bytes) as drawn,
    pg_catalog.unnest(array[0, 1, 2, 3, 4, 5, 9, 10, 11, 12]) as place
$$;

create or replace function public._umbral_chat_is_deleted(p_conversation text) returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from public.umbral_chat_tombstones where id = p_conversation and until > pg_catalog.clock_timestamp())
$$;

-- The conversation's row, locked until the transaction ends: what numbers its entries. Without one, it is made if asked
-- for; else, and when it was deleted, the row is null.
create or replace function public._umbral_chat_open(p_conversation text, p_make boolean)
returns public.umbral_chat_conversations
language plpgsql volatile set search_path = ''
as $$
declare
  room public.umbral_chat_conversations;
begin
  select * into room from public.umbral_chat_conversations where id = p_conversation for update;
  if found or not p_make then
    return room;
  end if;
  -- Making and deleting take turns, so that nothing is made behind a tombstone that is just being set.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('umbral_chat:' || p_conversation, 0));
  select * into room from public.umbral_chat_conversations where id = p_conversation for update;
  if found or public._umbral_chat_is_deleted(p_conversation) then
    return room;
  end if;
  insert into public.umbral_chat_conversations (id, epoch, created_at, last_activity)
  values (p_conversation, public._umbral_chat_new_epoch(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp())
  returning * into room;
  return room;
end
$$;

-- What a write is answered with before it is looked at: it names a log that is gone, or its key is known. Else null.
create or replace function public._umbral_chat_answered(
  p_room public.umbral_chat_conversations, p_conversation text, p_epoch text,
  p_author text, p_key text, p_fingerprint text)
returns json
language plpgsql volatile set search_path = ''
as $$
declare
  known record;
begin
  if (p_room).log is null then
    if p_epoch is not null or public._umbral_chat_is_deleted(p_conversation) then
      return public._umbral_chat_refused('conversation_deleted');
    end if;
    return null;
  end if;
  if p_epoch <> (p_room).epoch then
    return public._umbral_chat_refused('conversation_deleted');
  end if;
  if p_key is null then
    return null;
  end if;
  select w.fingerprint, e.entry into known
  from public.umbral_chat_writes w join public.umbral_chat_entries e on e.log = w.log and e.seq = w.seq
  where w.log = (p_room).log and w.author = p_author and w.key = p_key;
  if not found then
    return null;
  end if;
  if known.fingerprint is distinct from p_fingerprint then
    return public._umbral_chat_refused('idempotency_conflict');
  end if;
  return pg_catalog.json_build_object(
    'entry', known.entry, 'created', false, 'epoch', (p_room).epoch, 'follow_ups', '[]'::json);
end
$$;

-- Number an entry and store it. `p_entry` is an object without `seq` and `at`.
create or replace function public._umbral_chat_put(
  p_log bigint, p_entry text, p_target bigint, p_author text, p_key text, p_fingerprint text)
returns json
language plpgsql volatile set search_path = ''
as $$
declare
  room record;
  numbered json;
begin
  update public.umbral_chat_conversations
  -- A clock that was set back must not let time run backwards inside a log.
  set head = head + 1, last_activity = greatest(last_activity, pg_catalog.clock_timestamp())
  where log = p_log
  returning id, head, last_activity into room;
  numbered := '{"seq":' || room.head || ',"at":"' || public._umbral_chat_time(room.last_activity) || '",'
    || pg_catalog.substr(pg_catalog.ltrim(p_entry, E' \t\r\n'), 2);
  insert into public.umbral_chat_writes (log, seq, kind, author, key, fingerprint)
  values (p_log, room.head, numbered ->> 'kind', p_author, p_key, p_fingerprint);
  insert into public.umbral_chat_entries (log, seq, conversation, kind, at, message_id, target, entry)
  values (p_log, room.head, room.id, numbered ->> 'kind', room.last_activity, numbered ->> 'message_id', p_target,
    numbered);
  return numbered;
end
$$;

create or replace function public._umbral_chat_appended(
  p_room public.umbral_chat_conversations, p_entry json, p_follow_ups json default '[]')
returns json
language sql immutable set search_path = ''
as $$
  select pg_catalog.json_build_object(
    'entry', p_entry, 'created', true, 'epoch', (p_room).epoch, 'follow_ups', p_follow_ups)
$$;

create or replace function public.umbral_chat_append(
  p_conversation text, p_entry text, p_author text,
  p_key text default null, p_fingerprint text default null, p_epoch text default null)
returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  message json := p_entry;
  room public.umbral_chat_conversations;
  answer json;
  follow_ups json := '[]';
begin
  room := public._umbral_chat_open(p_conversation, p_epoch is null);
  answer := public._umbral_chat_answered(room, p_conversation, p_epoch, p_author, p_key, p_fingerprint);
  if answer is not null then
    return answer;
  end if;
  if exists (
    select from public.umbral_chat_entries
    where log = room.log and kind = 'message' and message_id = message ->> 'message_id')
  then
    return public._umbral_chat_refused('message_id_taken');
  end if;
  answer := public._umbral_chat_put(room.log, p_entry, null, p_author, p_key, p_fingerprint);
  -- Who writes to a closed conversation opens it.
  if room.status = 'closed' and message -> 'sender' ->> 'role' = 'user' then
    update public.umbral_chat_conversations set status = 'open' where log = room.log;
    follow_ups := pg_catalog.json_build_array(public._umbral_chat_put(
      room.log, '{"kind":"update","sender":{"role":"system"},"changes":{"status":"open"}}', null, null, null, null));
  end if;
  return public._umbral_chat_appended(room, answer, follow_ups);
end
$$;

-- The message that an edit or redaction is about, or the code of the refusal.
create or replace function public._umbral_chat_target(
  p_log bigint, p_message_id text, p_author text, p_own_only boolean,
  out refusal text, out seq bigint, out latest json)
language plpgsql volatile set search_path = ''
as $$
declare
  wrote text;
begin
  select e.seq, e.entry, w.author into seq, latest, wrote
  from public.umbral_chat_entries e left join public.umbral_chat_writes w on w.log = e.log and w.seq = e.seq
  where e.log = p_log and e.kind = 'message' and e.message_id = p_message_id;
  if not found then
    refusal := 'message_not_found';
  elsif p_own_only and wrote is distinct from p_author then
    refusal := 'not_your_message';
  else
    select e.entry into latest
    from public.umbral_chat_entries e where e.log = p_log and e.target = _umbral_chat_target.seq
    order by e.seq desc limit 1;
    if not found then
      select e.entry into latest
      from public.umbral_chat_entries e where e.log = p_log and e.seq = _umbral_chat_target.seq;
    end if;
  end if;
end
$$;

create or replace function public.umbral_chat_edit(
  p_conversation text, p_entry text, p_author text,
  p_key text default null, p_fingerprint text default null, p_epoch text default null, p_own_only boolean default false)
returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  edit json := p_entry;
  room public.umbral_chat_conversations;
  target record;
  answer json;
begin
  room := public._umbral_chat_open(p_conversation, false);
  answer := public._umbral_chat_answered(room, p_conversation, p_epoch, p_author, p_key, p_fingerprint);
  if answer is not null then
    return answer;
  end if;
  target := public._umbral_chat_target(room.log, edit ->> 'message_id', p_author, p_own_only);
  if target.refusal is not null then
    return public._umbral_chat_refused(target.refusal);
  end if;
  if target.latest ->> 'kind' = 'redaction' then
    return public._umbral_chat_refused('message_redacted');
  end if;
  -- The newest edit alone tells what a message is, so it carries the metadata that it does not change.
  if edit -> 'metadata' is null and target.latest -> 'metadata' is not null then
    p_entry := pg_catalog.rtrim(p_entry, E' \t\r\n');
    p_entry := pg_catalog.left(p_entry, -1) || ',"metadata":' || (target.latest -> 'metadata')::text || '}';
  end if;
  return public._umbral_chat_appended(
    room, public._umbral_chat_put(room.log, p_entry, target.seq, p_author, p_key, p_fingerprint));
end
$$;

-- A message or an edit with its content and metadata taken out.
create or replace function public._umbral_chat_blank(p_entry json) returns json
language sql immutable set search_path = ''
as $$
  select pg_catalog.json_object_agg(part.key, part.value)
  from (
    select key, value from pg_catalog.json_each(p_entry) where key not in ('content', 'metadata', 'redacted')
    union all select 'content', '""'::json
    union all select 'redacted', 'true'::json) as part
$$;

create or replace function public.umbral_chat_redact(
  p_conversation text, p_entry text, p_author text,
  p_key text default null, p_fingerprint text default null, p_epoch text default null, p_own_only boolean default false)
returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  redaction json := p_entry;
  room public.umbral_chat_conversations;
  target record;
  answer json;
begin
  room := public._umbral_chat_open(p_conversation, false);
  answer := public._umbral_chat_answered(room, p_conversation, p_epoch, p_author, p_key, p_fingerprint);
  if answer is not null then
    return answer;
  end if;
  target := public._umbral_chat_target(room.log, redaction ->> 'message_id', p_author, p_own_only);
  if target.refusal is not null then
    return public._umbral_chat_refused(target.refusal);
  end if;
  if target.latest ->> 'kind' = 'redaction' then
    return pg_catalog.json_build_object(
      'entry', target.latest, 'created', false, 'epoch', room.epoch, 'follow_ups', '[]'::json);
  end if;
  perform public._umbral_chat_unsay(p_conversation, room.epoch, pg_catalog.array_agg(e.seq))
  from public.umbral_chat_entries e where e.log = room.log and (e.seq = target.seq or e.target = target.seq);
  update public.umbral_chat_entries e set entry = public._umbral_chat_blank(e.entry)
  where e.log = room.log and (e.seq = target.seq or e.target = target.seq);
  -- Drafts of what was said travel as signals. Their readers are told that some are missing.
  delete from public.umbral_chat_signals;
  answer := public._umbral_chat_put(room.log, p_entry, target.seq, p_author, p_key, p_fingerprint);
  update public.umbral_chat_conversations set redaction = head where log = room.log;
  return public._umbral_chat_appended(room, answer);
end
$$;

create or replace function public.umbral_chat_update(
  p_conversation text, p_entry text, p_author text,
  p_key text default null, p_fingerprint text default null, p_epoch text default null)
returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  changes json := p_entry::json -> 'changes';
  room public.umbral_chat_conversations;
  answer json;
begin
  room := public._umbral_chat_open(p_conversation, p_epoch is null);
  answer := public._umbral_chat_answered(room, p_conversation, p_epoch, p_author, p_key, p_fingerprint);
  if answer is not null then
    return answer;
  end if;
  -- `->` tells a field that is null (JSON's null) from one that is absent (SQL's).
  update public.umbral_chat_conversations
  set status = coalesce(changes ->> 'status', status),
    responder = coalesce(changes ->> 'responder', responder),
    realtime = coalesce(changes ->> 'realtime', realtime),
    title = case when changes -> 'title' is null then title else changes ->> 'title' end,
    metadata = case
      when changes -> 'metadata' is null then metadata
      when pg_catalog.json_typeof(changes -> 'metadata') = 'null' then null
      else changes -> 'metadata' end,
    members = coalesce(changes -> 'members', members)
  where log = room.log;
  if changes -> 'members' is not null then
    delete from public.umbral_chat_members where log = room.log;
    insert into public.umbral_chat_members (log, subject, conversation, role, name)
    select room.log, member ->> 'subject', p_conversation, coalesce(member ->> 'role', 'user'), member ->> 'name'
    from pg_catalog.json_array_elements(changes -> 'members') as member;
  end if;
  return public._umbral_chat_appended(
    room, public._umbral_chat_put(room.log, p_entry, null, p_author, p_key, p_fingerprint));
end
$$;

create or replace function public.umbral_chat_mark_read(p_conversation text, p_subject text, p_seq bigint) returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  room record;
  marker bigint;
begin
  -- Shared with other readers, and held against deletion.
  select log, head into room from public.umbral_chat_conversations where id = p_conversation for share;
  if not found then
    if public._umbral_chat_is_deleted(p_conversation) then
      return public._umbral_chat_refused('conversation_deleted');
    end if;
    return pg_catalog.json_build_object('seq', 0);
  end if;
  insert into public.umbral_chat_markers as m (log, reader, seq)
  values (room.log, p_subject, greatest(0, least(p_seq, room.head)))
  on conflict (log, reader) do update set seq = greatest(m.seq, excluded.seq)
  returning seq into marker;
  return pg_catalog.json_build_object('seq', marker);
end
$$;

create or replace function public.umbral_chat_delete(p_conversation text) returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  room record;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('umbral_chat:' || p_conversation, 0));
  delete from public.umbral_chat_conversations where id = p_conversation returning log, epoch into room;
  if not found then
    return pg_catalog.json_build_object('removed', false, 'more', false);
  end if;
  delete from public.umbral_chat_members where log = room.log;
  delete from public.umbral_chat_markers where log = room.log;
  delete from public.umbral_chat_signals;
  insert into public.umbral_chat_tombstones (id, until)
  values (p_conversation,
    pg_catalog.clock_timestamp() + pg_catalog.make_interval(days => public._umbral_chat_setting('tombstone_days')::int))
  on conflict (id) do update set until = excluded.until;
  insert into public.umbral_chat_doomed (log, conversation, epoch) values (room.log, p_conversation, room.epoch);
  perform public._umbral_chat_announce(
    p_conversation, room.epoch, null, 'deleted', true,
    pg_catalog.json_build_object('conversation', p_conversation, 'epoch', room.epoch), null);
  return pg_catalog.json_build_object('removed', true, 'more', true);
end
$$;

create or replace function public.umbral_chat_new_epochs() returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  logs bigint;
begin
  update public.umbral_chat_conversations set epoch = public._umbral_chat_new_epoch() where true;
  get diagnostics logs = row_count;
  return pg_catalog.json_build_object('logs', logs);
end
$$;

-- Removes what nobody reads any more: `p_rows` rows of deleted logs at most, so that no call takes long, and whatever
-- lapsed. Several callers do not wait for each other.
create or replace function public.umbral_chat_sweep(p_rows int default 5000) returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  doomed record;
  seqs bigint[];
begin
  delete from public.umbral_chat_tombstones where until <= pg_catalog.clock_timestamp();
  delete from public.umbral_chat_records where expires <= pg_catalog.clock_timestamp();
  -- A lapsed lease's row is kept for a day: its token fences off whoever held it.
  delete from public.umbral_chat_leases where expires <= pg_catalog.clock_timestamp() - interval '1 day';
  delete from public.umbral_chat_signals where at <= pg_catalog.clock_timestamp() - interval '1 minute';
  select * into doomed from public.umbral_chat_doomed order by log limit 1 for update skip locked;
  if not found then
    return pg_catalog.json_build_object('more', false);
  end if;
  with slice as (
    select log, seq from public.umbral_chat_entries where log = doomed.log order by seq limit greatest(1, p_rows)
  ), removed as (
    delete from public.umbral_chat_entries e using slice s where e.log = s.log and e.seq = s.seq returning e.seq
  ), forgotten as (
    delete from public.umbral_chat_writes w using slice s where w.log = s.log and w.seq = s.seq
  )
  select pg_catalog.array_agg(seq) into seqs from removed;
  if seqs is not null then
    perform public._umbral_chat_unsay(doomed.conversation, doomed.epoch, seqs);
  else
    delete from public.umbral_chat_doomed where log = doomed.log;
  end if;
  return pg_catalog.json_build_object('more', exists (select from public.umbral_chat_doomed));
end
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
values ('20261123000002', 'umbral_chat_writing') on conflict (version) do nothing;
notify pgrst, 'reload schema';
