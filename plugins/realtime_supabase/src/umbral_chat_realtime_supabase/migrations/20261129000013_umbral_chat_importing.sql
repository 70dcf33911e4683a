-- Umbral Chat on Supabase, 13: entries of another log, with the time that they had there.
--
-- An entry that is imported brings `at` and `imported` with it. It is for display: what the inbox is sorted by, and what
-- looks for news, goes by the time of writing.
--
-- This replaces functions of file 2: whoever runs that one again runs this one after it.

-- Number an entry and store it. `p_entry` is an object without `seq`, and without `at` unless it is imported: the row's own
-- `at`, and the conversation's activity, are the time of writing all the same.
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
  numbered := '{"seq":' || room.head || ','
    -- An imported entry brings the time that it shows.
    || case when p_entry::json ->> 'imported' = 'true' then ''
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
  -- Who writes to a closed conversation opens it; what was said long ago does not.
  if room.status = 'closed' and message -> 'sender' ->> 'role' = 'user' and message ->> 'imported' is null then
    update public.umbral_chat_conversations set status = 'open' where log = room.log;
    follow_ups := pg_catalog.json_build_array(public._umbral_chat_put(
      room.log, '{"kind":"update","sender":{"role":"system"},"changes":{"status":"open"}}', null, null, null, null));
  end if;
  return public._umbral_chat_appended(room, answer, follow_ups);
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
  -- Of a history that is moved, what was redacted comes without its words before its redaction does.
  if target.latest ->> 'kind' = 'redaction'
    or (target.latest ->> 'redacted' = 'true' and edit ->> 'redacted' is null)
  then
    return public._umbral_chat_refused('message_redacted');
  end if;
  -- The newest edit alone tells what a message is, so it carries the metadata that it does not change.
  if edit -> 'metadata' is null and target.latest -> 'metadata' is not null and edit ->> 'redacted' is null then
    p_entry := pg_catalog.rtrim(p_entry, E' \t\r\n');
    p_entry := pg_catalog.left(p_entry, -1) || ',"metadata":' || (target.latest -> 'metadata')::text || '}';
  end if;
  return public._umbral_chat_appended(
    room, public._umbral_chat_put(room.log, p_entry, target.seq, p_author, p_key, p_fingerprint));
end
$$;

insert into public.umbral_chat_migrations (version, name)
values ('20261129000013', 'umbral_chat_importing') on conflict (version) do nothing;
notify pgrst, 'reload schema';
