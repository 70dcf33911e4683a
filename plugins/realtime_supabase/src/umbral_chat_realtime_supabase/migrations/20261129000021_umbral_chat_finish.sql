-- Umbral Chat on Supabase, 21: how the writing of a message ended, and what completes one that was interrupted.
--
-- An entry of the kind `message` may carry `finish`: `cancelled`, `failed` or `interrupted`. Without it the text is
-- complete.
--
-- This replaces a function of file 13: whoever runs that one again runs this one after it.

-- As in file 13, and a message whose id is that of one that was interrupted, by the same author, completes it: it is
-- stored as an edit, unless that one was changed already.
create or replace function public.umbral_chat_append(
  p_conversation text, p_entry text, p_author text,
  p_key text default null, p_fingerprint text default null, p_epoch text default null)
returns json
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  message json := p_entry;
  room public.umbral_chat_conversations;
  target record;
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
    if message ->> 'finish' is not null or message ->> 'imported' is not null then
      return public._umbral_chat_refused('message_id_taken');
    end if;
    target := public._umbral_chat_target(room.log, message ->> 'message_id', p_author, true);
    if target.refusal is not null or target.latest ->> 'kind' <> 'message'
      or target.latest ->> 'finish' is distinct from 'interrupted'
    then
      return public._umbral_chat_refused('message_id_taken');
    end if;
    -- Put together as text, so that the numbers of the metadata stay as they were written.
    return public._umbral_chat_appended(room, public._umbral_chat_put(
      room.log,
      '{"kind":"edit","sender":' || (message -> 'sender')::text
        || coalesce(',"client_id":' || (message -> 'client_id')::text, '')
        || ',"message_id":' || (message -> 'message_id')::text || ',"content":' || (message -> 'content')::text
        || coalesce(',"metadata":' || coalesce(message -> 'metadata', target.latest -> 'metadata')::text, '') || '}',
      target.seq, p_author, p_key, p_fingerprint));
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

insert into public.umbral_chat_migrations (version, name)
values ('20261129000021', 'umbral_chat_finish') on conflict (version) do nothing;
notify pgrst, 'reload schema';
