-- Umbral Chat on Supabase, 3 of 6: reading.
--
-- Every function is stable, hence reads one snapshot, and answers one JSON object: PostgREST cuts rows, not values, at
-- its `max_rows`.

create or replace function public._umbral_chat_head(p_room public.umbral_chat_conversations) returns json
language sql immutable set search_path = ''
as $$
  select case when (p_room).log is null then 'null'::json
    else pg_catalog.json_build_array((p_room).epoch, (p_room).head, (p_room).redaction) end
$$;

create or replace function public.umbral_chat_read(p_conversation text, p_after bigint default 0, p_limit int default 1000)
returns json
language plpgsql stable security definer set search_path = ''
as $$
declare
  room public.umbral_chat_conversations;
  entries json;
begin
  select * into room from public.umbral_chat_conversations where id = p_conversation;
  if not found and public._umbral_chat_is_deleted(p_conversation) then
    return public._umbral_chat_refused('conversation_deleted');
  end if;
  select pg_catalog.json_agg(page.entry order by page.seq) into entries
  from (
    select seq, entry from public.umbral_chat_entries
    where log = room.log and seq > p_after order by seq limit greatest(0, least(p_limit, 1000))) as page;
  return pg_catalog.json_build_object(
    'head', public._umbral_chat_head(room), 'entries', coalesce(entries, '[]'::json));
end
$$;

create or replace function public.umbral_chat_heads(p_conversations text) returns json
language sql stable security definer set search_path = ''
as $$
  with asked as (select distinct value as id from pg_catalog.json_array_elements_text(p_conversations::json))
  select pg_catalog.json_build_object(
    'heads', (
      select coalesce(pg_catalog.json_object_agg(c.id, pg_catalog.json_build_array(c.epoch, c.head, c.redaction)), '{}')
      from asked join public.umbral_chat_conversations c on c.id = asked.id),
    'deleted', (
      select coalesce(pg_catalog.json_agg(t.id), '[]')
      from asked join public.umbral_chat_tombstones t on t.id = asked.id
      where t.until > pg_catalog.clock_timestamp()
        and not exists (select from public.umbral_chat_conversations c where c.id = t.id)))
$$;

-- What became of a message: the newest entry about it. An edit holds the whole, and nothing follows a redaction.
create or replace function public._umbral_chat_change(p_log bigint, p_seq bigint) returns json
language sql stable set search_path = ''
as $$
  select entry from public.umbral_chat_entries where log = p_log and target = p_seq order by seq desc limit 1
$$;

create or replace function public.umbral_chat_messages(
  p_conversation text, p_after bigint default null, p_before bigint default null, p_limit int default 100)
returns json
language plpgsql stable security definer set search_path = ''
as $$
declare
  room public.umbral_chat_conversations;
  most int := greatest(0, least(p_limit, 1000));
  found_ones record;
begin
  select * into room from public.umbral_chat_conversations where id = p_conversation;
  if not found and public._umbral_chat_is_deleted(p_conversation) then
    return public._umbral_chat_refused('conversation_deleted');
  end if;
  if p_after is not null then
    select pg_catalog.count(*) as many, pg_catalog.json_agg(
      pg_catalog.json_build_array(page.entry, public._umbral_chat_change(room.log, page.seq)) order by page.seq)
      filter (where page.place <= most) as messages
    into found_ones
    from (
      select seq, entry, pg_catalog.row_number() over (order by seq) as place from public.umbral_chat_entries
      where log = room.log and kind = 'message' and seq > p_after and (p_before is null or seq < p_before)
      order by seq limit most + 1) as page;
  else
    select pg_catalog.count(*) as many, pg_catalog.json_agg(
      pg_catalog.json_build_array(page.entry, public._umbral_chat_change(room.log, page.seq)) order by page.seq)
      filter (where page.place <= most) as messages
    into found_ones
    from (
      select seq, entry, pg_catalog.row_number() over (order by seq desc) as place from public.umbral_chat_entries
      where log = room.log and kind = 'message' and (p_before is null or seq < p_before)
      order by seq desc limit most + 1) as page;
  end if;
  return pg_catalog.json_build_object(
    'head', public._umbral_chat_head(room), 'messages', coalesce(found_ones.messages, '[]'::json),
    'has_more', found_ones.many > most);
end
$$;

create or replace function public.umbral_chat_message(p_conversation text, p_message_id text) returns json
language plpgsql stable security definer set search_path = ''
as $$
declare
  message json;
begin
  select pg_catalog.json_build_array(e.entry, public._umbral_chat_change(e.log, e.seq)) into message
  from public.umbral_chat_conversations c join public.umbral_chat_entries e on e.log = c.log
  where c.id = p_conversation and e.kind = 'message' and e.message_id = p_message_id;
  if message is null and public._umbral_chat_is_deleted(p_conversation)
    and not exists (select from public.umbral_chat_conversations where id = p_conversation)
  then
    return public._umbral_chat_refused('conversation_deleted');
  end if;
  return pg_catalog.json_build_object('message', message);
end
$$;

-- A conversation as a whole. `unread` counts to 1000: past that the number tells nobody more.
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
          and w.seq > coalesce((
            select m.seq from public.umbral_chat_markers m where m.log = (p_room).log and m.reader = p_subject), 0)
        limit 1000) as unread) end)
  from (select) as one left join lateral (
    select e.seq, e.entry from public.umbral_chat_entries e
    where e.log = (p_room).log and e.kind = 'message' order by e.seq desc limit 1) as last on true
$$;

create or replace function public.umbral_chat_conversation(p_conversation text, p_subject text default null)
returns json
language plpgsql stable security definer set search_path = ''
as $$
declare
  room public.umbral_chat_conversations;
begin
  select * into room from public.umbral_chat_conversations where id = p_conversation;
  if found then
    return pg_catalog.json_build_object('conversation', public._umbral_chat_room(room, p_subject));
  elsif public._umbral_chat_is_deleted(p_conversation) then
    return public._umbral_chat_refused('conversation_deleted');
  end if;
  return pg_catalog.json_build_object('conversation', null);
end
$$;

create or replace function public.umbral_chat_inbox(
  p_limit int, p_before_at text default null, p_before_id text default null,
  p_status text default null, p_subject text default null)
returns json
language plpgsql stable security definer set search_path = ''
as $$
declare
  most int := greatest(0, least(p_limit, 1000));
  before_at timestamptz := coalesce(p_before_at::timestamptz, 'infinity');
  before_id text := coalesce(p_before_id, '');
  rooms json;
  many bigint;
begin
  -- Two branches, since each has an index that fits.
  if p_status is null then
    select pg_catalog.count(*), pg_catalog.json_agg(public._umbral_chat_room(page.room, p_subject) order by page.place)
      filter (where page.place <= most) into many, rooms
    from (
      select c as room, pg_catalog.row_number() over (order by c.last_activity desc, c.id desc) as place
      from public.umbral_chat_conversations c
      where (c.last_activity, c.id) < (before_at, before_id)
      order by c.last_activity desc, c.id desc limit most + 1) as page;
  else
    select pg_catalog.count(*), pg_catalog.json_agg(public._umbral_chat_room(page.room, p_subject) order by page.place)
      filter (where page.place <= most) into many, rooms
    from (
      select c as room, pg_catalog.row_number() over (order by c.last_activity desc, c.id desc) as place
      from public.umbral_chat_conversations c
      where c.status = p_status and (c.last_activity, c.id) < (before_at, before_id)
      order by c.last_activity desc, c.id desc limit most + 1) as page;
  end if;
  return pg_catalog.json_build_object('conversations', coalesce(rooms, '[]'::json), 'has_more', many > most);
end
$$;

create or replace function public.umbral_chat_ensure(p_conversation text) returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  room public.umbral_chat_conversations;
  made boolean := false;
begin
  select * into room from public.umbral_chat_conversations where id = p_conversation for update;
  if not found then
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('umbral_chat:' || p_conversation, 0));
    delete from public.umbral_chat_tombstones where id = p_conversation;
    made := not exists (select from public.umbral_chat_conversations where id = p_conversation);
    room := public._umbral_chat_open(p_conversation, true);
  end if;
  return pg_catalog.json_build_object('conversation', public._umbral_chat_room(room, null), 'made', made);
end
$$;

-- Who a user is in a conversation, and whether the session of its token is still there (null: cannot be told).
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
  select log, epoch into room from public.umbral_chat_conversations where id = p_conversation;
  select role, name into member from public.umbral_chat_members where log = room.log and subject = p_subject;
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
    'role', member.role, 'name', member.name, 'session', alive);
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
values ('20261123000003', 'umbral_chat_reading') on conflict (version) do nothing;
notify pgrst, 'reload schema';
