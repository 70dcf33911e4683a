-- Umbral Chat on Supabase, 40: an inbox that operators share: who has a conversation, who waits for an answer, and a search.
--
-- This replaces functions of files 2, 12 and 13: whoever runs one of those again runs this one after it.

alter table public.umbral_chat_conversations
  add column if not exists assignee text,
  add column if not exists user_last boolean not null default false;
comment on column public.umbral_chat_conversations.assignee is 'The subject of the agent who has the conversation; null: nobody. It gives no right.';
comment on column public.umbral_chat_conversations.user_last is 'Whether the last message is a user''s.';

-- For what was written before. It changes nothing where it is right already.
update public.umbral_chat_conversations c
set user_last = not c.user_last
from public.umbral_chat_conversations o
left join lateral (
  select e.entry -> 'sender' ->> 'role' as role from public.umbral_chat_entries e
  where e.log = o.log and e.kind = 'message' order by e.seq desc limit 1) as last on true
where c.log = o.log and c.user_last is distinct from coalesce(last.role = 'user', false);

create index if not exists umbral_chat_conversations_waiting
  on public.umbral_chat_conversations (last_activity desc, id desc) where status = 'open' and user_last;
create index if not exists umbral_chat_conversations_by_assignee
  on public.umbral_chat_conversations (assignee, last_activity desc, id desc) where assignee is not null;

-- As in file 13, and whose the last message is.
create or replace function public._umbral_chat_put(
  p_log bigint, p_entry text, p_target bigint, p_author text, p_key text, p_fingerprint text)
returns json
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  given json := p_entry;
  room record;
  numbered json;
begin
  update public.umbral_chat_conversations
  -- A clock that was set back must not let time run backwards inside a log.
  set head = head + 1, last_activity = greatest(last_activity, pg_catalog.clock_timestamp()),
    user_last = case when given ->> 'kind' = 'message'
      then coalesce(given -> 'sender' ->> 'role' = 'user', false) else user_last end
  where log = p_log
  returning id, head, last_activity into room;
  numbered := '{"seq":' || room.head || ','
    -- An imported entry brings the time that it shows.
    || case when given ->> 'imported' = 'true' then ''
      else '"at":"' || public._umbral_chat_time(room.last_activity) || '",' end
    || pg_catalog.substr(pg_catalog.ltrim(p_entry, E' \t\r\n'), 2);
  insert into public.umbral_chat_writes (log, seq, kind, author, key, fingerprint)
  values (p_log, room.head, numbered ->> 'kind', p_author, p_key, p_fingerprint);
  insert into public.umbral_chat_entries (log, seq, conversation, kind, at, message_id, target, entry)
  values (p_log, room.head, room.id, numbered ->> 'kind', room.last_activity, numbered ->> 'message_id', p_target,
    numbered);
  return numbered;
end
$$;

-- As in file 2, and the assignee.
create or replace function public.umbral_chat_update(
  p_conversation text, p_entry text, p_author text,
  p_key text default null, p_fingerprint text default null, p_epoch text default null)
returns json
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
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
    assignee = case when changes -> 'assignee' is null then assignee else changes ->> 'assignee' end,
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

-- An update that sets an assignee, if nobody else has the conversation. The row is locked from the comparison on, until
-- the transaction ends: of several takers one succeeds.
create or replace function public.umbral_chat_take(
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
  if room.assignee <> p_entry::json -> 'changes' ->> 'assignee' then
    return pg_catalog.json_build_object('refused', 'already_taken', 'assignee', room.assignee);
  end if;
  return public.umbral_chat_update(p_conversation, p_entry, p_author, p_key, p_fingerprint, p_epoch);
end
$$;

-- As in file 12, and the assignee.
create or replace function public._umbral_chat_room(p_room public.umbral_chat_conversations, p_subject text)
returns json
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.json_build_object(
    'id', (p_room).id, 'epoch', (p_room).epoch, 'head', (p_room).head, 'status', (p_room).status,
    'responder', (p_room).responder, 'assignee', (p_room).assignee, 'realtime', (p_room).realtime,
    'title', (p_room).title, 'metadata', (p_room).metadata, 'members', (p_room).members,
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

-- The inbox, filtered. `p_filters` is a JSON object of `status`, `waiting`, `assignee` (null: of nobody) and `text`; what
-- is absent lets all pass. `p_scan` conversations at most are compared with `text`. `next` is the place [time, id] after
-- which the next call goes on; null: there is no more.
create or replace function public.umbral_chat_search(
  p_filters text, p_limit int, p_before_at text default null, p_before_id text default null,
  p_subject text default null, p_scan int default 10000)
returns json
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  filters json := p_filters;
  most int := greatest(0, least(p_limit, 1000));
  scan int := greatest(1, least(p_scan, 10000));
  wanted text := '';
  page record;
begin
  -- The conditions are written into the statement, since only so a partial index is used; every value is a parameter.
  if filters ->> 'status' is not null then
    wanted := wanted || ' and c.status = $1 ->> ''status''';
  end if;
  if filters ->> 'waiting' is not null then
    wanted := wanted || case when (filters ->> 'waiting')::boolean
      then ' and c.status = ''open'' and c.user_last' else ' and not (c.status = ''open'' and c.user_last)' end;
  end if;
  if pg_catalog.json_typeof(filters -> 'assignee') = 'null' then
    wanted := wanted || ' and c.assignee is null';
  elsif filters -> 'assignee' is not null then
    wanted := wanted || ' and c.assignee = $1 ->> ''assignee''';
  end if;
  if filters ->> 'text' is null then
    -- Whatever satisfies the conditions is found, so nothing is looked at that is not in the page.
    scan := most + 1;
  end if;
  execute '
    with scanned as (
      select c.log, c.id, c.title, c.last_activity from public.umbral_chat_conversations c
      where (c.last_activity, c.id) < ($2, $3)' || wanted || '
      order by c.last_activity desc, c.id desc limit $4
    ), found as (
      select s.log, s.id, s.last_activity,
        pg_catalog.row_number() over (order by s.last_activity desc, s.id desc) as place
      from scanned s
      where $1 ->> ''text'' is null
        or pg_catalog.strpos(pg_catalog.lower(s.title), pg_catalog.lower($1 ->> ''text'')) > 0
        or pg_catalog.strpos(pg_catalog.lower(s.id), pg_catalog.lower($1 ->> ''text'')) > 0
      order by s.last_activity desc, s.id desc limit $5 + 1
    )
    select (
        select pg_catalog.json_agg(public._umbral_chat_room(c, $6) order by f.place)
        from found f join public.umbral_chat_conversations c on c.log = f.log where f.place <= $5) as rooms,
      case
        when (select pg_catalog.count(*) from found) > $5 then (
          select pg_catalog.json_build_array(public._umbral_chat_time(f.last_activity), f.id)
          from found f where f.place = $5)
        when $1 ->> ''text'' is not null and (select pg_catalog.count(*) from scanned) = $4 then (
          select pg_catalog.json_build_array(public._umbral_chat_time(s.last_activity), s.id)
          from scanned s order by s.last_activity, s.id limit 1)
      end as next'
  into page
  using filters, coalesce(p_before_at::timestamptz, 'infinity'), coalesce(p_before_id, ''), scan, most, p_subject;
  return pg_catalog.json_build_object('conversations', coalesce(page.rooms, '[]'::json), 'next', page.next);
end
$$;

-- The service alone calls these.
do $$
declare
  callable record;
begin
  for callable in
    select oid::regprocedure as name from pg_catalog.pg_proc
    where pronamespace = 'public'::regnamespace and proname in ('umbral_chat_take', 'umbral_chat_search')
  loop
    execute format('revoke all on function %s from public, anon, authenticated, service_role', callable.name);
    execute format('grant execute on function %s to service_role', callable.name);
  end loop;
end
$$;

insert into public.umbral_chat_migrations (version, name)
values ('20261129000040', 'umbral_chat_operators') on conflict (version) do nothing;
notify pgrst, 'reload schema';
