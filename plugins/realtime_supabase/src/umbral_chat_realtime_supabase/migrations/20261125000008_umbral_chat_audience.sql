-- Umbral Chat on Supabase, 8: a member who is removed hears nothing more.
--
-- Realtime asks the policies when a channel is joined, and keeps the answer until the token is renewed. A channel that is
-- open when its member is removed would therefore hear on, for an hour at worst. So the members' topic has its audience in
-- its name: ten characters, drawn anew whenever somebody is removed. Nothing is said on the old topic any more but `moved`,
-- and the policies let current members alone join the new one. A log that is made anew has another audience from the start.
--
-- This replaces functions of files 2, 3, 5 and 6: whoever runs one of those again runs this one after it.

-- Each row draws its own, so this writes the table anew: a second or two for 100,000 conversations.
alter table public.umbral_chat_conversations
  add column if not exists audience text not null default public._umbral_chat_new_epoch();
comment on column public.umbral_chat_conversations.audience is 'The part of the members'' topic that is drawn anew when one of them is removed.';

-- The members' topic now; null: there is no such conversation. An id holds no slash.
create or replace function public._umbral_chat_member_topic(p_conversation text) returns text
language sql stable set search_path = ''
as $$
  select 'umbral_chat:c:' || id || '/' || audience from public.umbral_chat_conversations where id = p_conversation
$$;

-- Count a broadcast that failed. Called where its exception was caught.
create or replace function public._umbral_chat_unsaid(p_state text, p_message text) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if p_state = '23514' and p_message like 'no partition%' then
    -- Realtime makes a day's partition when it connects to the database and every four hours, not at each join. Who
    -- listens by then does not hear the entry, and reads it later.
    perform pg_catalog.nextval('public.umbral_chat_broadcasts_unpartitioned');
  else
    perform pg_catalog.nextval('public.umbral_chat_broadcasts_failed');
    raise log 'Umbral Chat: a broadcast failed and its entry is stored all the same: % (%)', p_message, p_state;
  end if;
end
$$;

-- As in file 5. The copies' ids are made of the topic without its audience, so that they are found whatever it was.
create or replace function public._umbral_chat_announce(
  p_conversation text, p_epoch text, p_seq bigint, p_event text, p_members boolean, p_head json, p_whole json)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  service text;
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
      else public._umbral_chat_broadcast_id(told.name, p_epoch, p_seq) end,
    told.topic, 'broadcast', p_event, said, true
  from (
    select service as name, service as topic
    union all
    -- Written out: each entry comes here, and a call of `_umbral_chat_member_topic` costs more than this lookup.
    select 'umbral_chat:c:' || c.id, 'umbral_chat:c:' || c.id || '/' || c.audience
    from public.umbral_chat_conversations c where p_members and c.id = p_conversation) as told;
exception
  when others then
    perform public._umbral_chat_unsaid(sqlstate, sqlerrm);
end
$$;

create or replace function public._umbral_chat_unsay(p_conversation text, p_epoch text, p_seqs bigint[]) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from realtime.messages where id in (
    select public._umbral_chat_broadcast_id(told.name, p_epoch, seq)
    from pg_catalog.unnest(p_seqs) as seq,
      (values (public._umbral_chat_service_topic(p_conversation)), ('umbral_chat:c:' || p_conversation))
        as told (name));
exception
  when others then
    perform pg_catalog.nextval('public.umbral_chat_broadcasts_unerased');
    raise log 'Umbral Chat: broadcast copies could not be removed: % (%)', sqlerrm, sqlstate;
end
$$;

-- Another audience, once somebody is removed. Who listens on the old topic is told the new one's name: it opens it to
-- nobody, and members go on without asking the service. In the update's transaction, hence before anything that is said
-- on the new topic, and not at all when the removal does not come about.
create or replace function public._umbral_chat_move() returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  topic text := 'umbral_chat:c:' || old.id || '/';
begin
  if not exists (
    select from pg_catalog.json_array_elements(old.members) as was
    where not exists (
      select from pg_catalog.json_array_elements(new.members) as stays
      where stays ->> 'subject' = was ->> 'subject'))
  then
    return new;
  end if;
  new.audience := public._umbral_chat_new_epoch();
  begin
    if old.realtime <> 'off' and public._umbral_chat_realtime_is_on() then
      insert into realtime.messages (topic, extension, event, payload, private)
      values (topic || old.audience, 'broadcast', 'moved', pg_catalog.jsonb_build_object(
        'conversation', old.id, 'epoch', old.epoch, 'topic', topic || new.audience), true);
    end if;
  exception
    when others then
      perform public._umbral_chat_unsaid(sqlstate, sqlerrm);
  end;
  return new;
end
$$;

drop trigger if exists umbral_chat_move on public.umbral_chat_conversations;
create trigger umbral_chat_move before update of members on public.umbral_chat_conversations
  for each row when (old.members::text is distinct from new.members::text)
  execute function public._umbral_chat_move();

-- As in file 2, but told before the row goes, which holds the topic's audience.
create or replace function public.umbral_chat_delete(p_conversation text) returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  room record;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('umbral_chat:' || p_conversation, 0));
  select log, epoch into room from public.umbral_chat_conversations where id = p_conversation for update;
  if not found then
    return pg_catalog.json_build_object('removed', false, 'more', false);
  end if;
  perform public._umbral_chat_announce(
    p_conversation, room.epoch, null, 'deleted', true,
    pg_catalog.json_build_object('conversation', p_conversation, 'epoch', room.epoch), null);
  delete from public.umbral_chat_conversations where log = room.log;
  delete from public.umbral_chat_members where log = room.log;
  delete from public.umbral_chat_markers where log = room.log;
  delete from public.umbral_chat_signals;
  insert into public.umbral_chat_tombstones (id, until)
  values (p_conversation,
    pg_catalog.clock_timestamp() + pg_catalog.make_interval(days => public._umbral_chat_setting('tombstone_days')::int))
  on conflict (id) do update set until = excluded.until;
  insert into public.umbral_chat_doomed (log, conversation, epoch) values (room.log, p_conversation, room.epoch);
  return pg_catalog.json_build_object('removed', true, 'more', true);
end
$$;

-- As in file 3, and also on which topic the member may listen: null where its conversation is told to nobody.
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
    'role', member.role, 'name', member.name, 'session', alive,
    'topic', case when member.role is not null and room.realtime <> 'off'
      then public._umbral_chat_member_topic(p_conversation) end);
end
$$;

-- The topics of those of many conversations (a JSON array of ids) that have members to be told anything now.
create or replace function public.umbral_chat_member_topics(p_conversations text) returns json
language sql stable security definer set search_path = ''
as $$
  select pg_catalog.json_build_object(
    'topics', coalesce(pg_catalog.json_object_agg(c.id, public._umbral_chat_member_topic(c.id)), '{}'))
  from (select distinct value as id from pg_catalog.json_array_elements_text(p_conversations::json)) as asked
    join public.umbral_chat_conversations c on c.id = asked.id
  where c.realtime <> 'off' and (select public._umbral_chat_realtime_is_on())
    and exists (select from public.umbral_chat_members m where m.log = c.log)
$$;

-- What stands behind `umbral_chat:c:` in the topic that Realtime asks about, if the caller may listen to it: the policies
-- of file 6 compare the topic with it. One lookup a statement, however many conversations the caller is in.
create or replace function public.umbral_chat_my_conversations() returns text[]
language sql stable security definer set search_path = ''
as $$
  select coalesce(pg_catalog.array_agg(c.id || '/' || c.audience), '{}')
  from public.umbral_chat_conversations c join public.umbral_chat_members m on m.log = c.log
  where c.id = pg_catalog.split_part(pg_catalog.substr((select realtime.topic()), 15), '/', 1)
    and m.subject = (select auth.uid())::text
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
values ('20261125000008', 'umbral_chat_audience') on conflict (version) do nothing;
notify pgrst, 'reload schema';
