-- Umbral Chat on Supabase, 10: a conversation whose realtime is off says nothing to its members.
--
-- File 5 told them of every update all the while, so that they heard of the one that turned it off. Of those that come
-- later they hear nothing now: it is off.
--
-- This replaces a function of file 5: whoever runs that one again runs this one after it.

create or replace function public._umbral_chat_broadcast() returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  room record;
begin
  select epoch, realtime into room from public.umbral_chat_conversations where log = new.log;
  perform public._umbral_chat_announce(
    new.conversation, room.epoch, new.seq, 'entry',
    -- The update that turns it off is the last that members hear.
    room.realtime <> 'off' or (new.kind = 'update' and coalesce(new.entry #>> '{changes,realtime}' = 'off', false)),
    pg_catalog.json_build_object('conversation', new.conversation, 'epoch', room.epoch, 'seq', new.seq),
    pg_catalog.json_build_object(
      'conversation', new.conversation, 'epoch', room.epoch, 'seq', new.seq, 'entry', new.entry));
  return null;
end
$$;

revoke all on function public._umbral_chat_broadcast() from public, anon, authenticated, service_role;

insert into public.umbral_chat_migrations (version, name)
values ('20261125000010', 'umbral_chat_quiet') on conflict (version) do nothing;
notify pgrst, 'reload schema';
