-- Umbral Chat on Supabase, 12: subjects of different kinds never meet, and visitors have no part in internal conversations.
--
-- An author is the kind and the subject of who wrote: `token:visitor-7`, `user:UUID`, `key:NAME`, `local`. Before this
-- version the bare subject of tokens and users was stored, and a token with a user's id was that user. What was stored
-- stays as it is, and is looked for under both names. The rules are those of `umbral_chat/model/authors.py`.
--
-- `internal:{id}` (`internal.sha256:HEX` where that is too long) is what operators keep beside a conversation. Members
-- with another role than `agent` have no right on it. The rule is that of `umbral_chat/model/internal.py`.
--
-- This replaces functions of files 2, 3, 6 and 8: whoever runs one of those again runs this one after it.

-- As what the same author was stored before; null: the same, or it cannot have been.
create or replace function public._umbral_chat_former(p_author text) returns text
language sql immutable set search_path = ''
as $$
  select case
    when p_author !~ '^(token|user):' then null
    when pg_catalog.substr(p_author, pg_catalog.strpos(p_author, ':') + 1) ~ '^(key:|token:|user:)' then null
    when pg_catalog.substr(p_author, pg_catalog.strpos(p_author, ':') + 1) = 'local' then null
    else pg_catalog.substr(p_author, pg_catalog.strpos(p_author, ':') + 1) end
$$;

-- Whether what is stored of a message's author is this one. A bare uuid is a user's.
create or replace function public._umbral_chat_wrote(p_author text, p_stored text) returns boolean
language sql immutable set search_path = ''
as $$
  select coalesce(p_stored = p_author or (
    p_stored = public._umbral_chat_former(p_author) and (
      starts_with(p_author, 'user:')
      or p_stored !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')), false)
$$;

create or replace function public._umbral_chat_is_internal(p_conversation text) returns boolean
language sql immutable set search_path = ''
as $$ select starts_with(p_conversation, 'internal:') or starts_with(p_conversation, 'internal.sha256:') $$;

-- As in file 2, and a key is known under the former author, too.
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
  where w.log = (p_room).log and w.author in (p_author, public._umbral_chat_former(p_author)) and w.key = p_key
  order by w.author = p_author desc limit 1;
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

-- As in file 2, and what was stored under the former author is its own, where that is sure.
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
  elsif p_own_only and not public._umbral_chat_wrote(p_author, wrote) then
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

-- As in file 2, and it goes on from the former author's marker.
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
  p_seq := greatest(p_seq, (
    select m.seq from public.umbral_chat_markers m
    where m.log = room.log and m.reader = public._umbral_chat_former(p_subject)));
  insert into public.umbral_chat_markers as m (log, reader, seq)
  values (room.log, p_subject, greatest(0, least(p_seq, room.head)))
  on conflict (log, reader) do update set seq = greatest(m.seq, excluded.seq)
  returning seq into marker;
  return pg_catalog.json_build_object('seq', marker);
end
$$;

-- As in file 3, and what the former author wrote and read is its own.
create or replace function public._umbral_chat_room(p_room public.umbral_chat_conversations, p_subject text)
returns json
language sql stable set search_path = ''
as $$
  select pg_catalog.json_build_object(
    'id', (p_room).id, 'epoch', (p_room).epoch, 'head', (p_room).head, 'status', (p_room).status,
    'responder', (p_room).responder, 'realtime', (p_room).realtime, 'title', (p_room).title,
    'metadata', (p_room).metadata, 'members', (p_room).members,
    'created_at', public._umbral_chat_time((p_room).created_at),
    'last_activity', public._umbral_chat_time((p_room).last_activity),
    'last', last.entry, 'change', public._umbral_chat_change((p_room).log, last.seq),
    'unread', case when p_subject is null then 0 else (
      select pg_catalog.count(*) from (
        select from public.umbral_chat_writes w
        where w.log = (p_room).log and w.kind = 'message' and w.author is distinct from p_subject
          and w.author is distinct from coalesce(one.former, p_subject)
          and w.seq > coalesce((
            select pg_catalog.max(m.seq) from public.umbral_chat_markers m
            where m.log = (p_room).log and m.reader in (p_subject, one.former)), 0)
        limit 1000) as unread) end)
  from (select public._umbral_chat_former(p_subject) as former) as one left join lateral (
    select e.seq, e.entry from public.umbral_chat_entries e
    where e.log = (p_room).log and e.kind = 'message' order by e.seq desc limit 1) as last on true
$$;

-- As in file 8, and of an internal conversation none but agents are members.
create or replace function public.umbral_chat_membership(
  p_conversation text, p_subject text, p_session text default null)
returns json
language plpgsql stable security definer set search_path = ''
as $$
declare
  room record;
  member record;
  alive boolean;
begin
  select log, epoch, realtime into room from public.umbral_chat_conversations where id = p_conversation;
  select role, name into member from public.umbral_chat_members
  where log = room.log and subject = p_subject
    and (role = 'agent' or not public._umbral_chat_is_internal(p_conversation));
  if p_session is not null then
    begin
      alive := exists (
        select from auth.sessions
        where id = p_session::uuid and (not_after is null or not_after > pg_catalog.clock_timestamp()));
    exception
      -- A project may take the right to read it away, and Auth may change its table.
      when insufficient_privilege or undefined_table or undefined_column or invalid_schema_name then
        alive := null;
      when invalid_text_representation then
        alive := false;
    end;
  end if;
  return pg_catalog.json_build_object(
    'epoch', room.epoch, 'deleted', room.log is null and public._umbral_chat_is_deleted(p_conversation),
    'role', member.role, 'name', member.name, 'session', alive,
    'topic', case when member.role is not null and room.realtime <> 'off'
      then public._umbral_chat_member_topic(p_conversation) end);
end
$$;

-- As in files 6 and 8: what the policies of tables and topics ask.
create or replace function public.umbral_chat_my_logs() returns bigint[]
language sql stable security definer set search_path = ''
as $$
  select coalesce(pg_catalog.array_agg(log), '{}') from public.umbral_chat_members
  where subject = (select auth.uid())::text
    and (role = 'agent' or not public._umbral_chat_is_internal(conversation))
$$;

create or replace function public.umbral_chat_my_conversations() returns text[]
language sql stable security definer set search_path = ''
as $$
  select coalesce(pg_catalog.array_agg(c.id || '/' || c.audience), '{}')
  from public.umbral_chat_conversations c join public.umbral_chat_members m on m.log = c.log
  where c.id = pg_catalog.split_part(pg_catalog.substr((select realtime.topic()), 15), '/', 1)
    and m.subject = (select auth.uid())::text
    and (m.role = 'agent' or not public._umbral_chat_is_internal(c.id))
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
values ('20261129000012', 'umbral_chat_authors') on conflict (version) do nothing;
notify pgrst, 'reload schema';
