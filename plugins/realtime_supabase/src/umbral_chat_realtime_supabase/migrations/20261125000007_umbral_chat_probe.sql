-- Umbral Chat on Supabase, 7: a probe of the way from this database through Realtime to one listener.
--
-- A channel that is joined says nothing of whether what is stored still comes out of it. So an instance asks for a
-- broadcast to a topic of its own and waits until it hears it.

-- Unlike `_umbral_chat_announce` this says what went wrong: that is what is asked. Answers {"told": true}, or why not:
-- `off` (the switch), `partition` (of the day, which Realtime makes when it connects to the database), or the SQLSTATE.
create or replace function public.umbral_chat_probe(p_topic text, p_nonce text) returns json
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if not coalesce(starts_with(p_topic, 'umbral_chat:i:'), false) then
    raise exception 'a probe goes to a topic that begins with umbral_chat:i:' using errcode = '22023';
  end if;
  if not public._umbral_chat_realtime_is_on() then
    return pg_catalog.json_build_object('told', false, 'why', 'off');
  end if;
  insert into realtime.messages (topic, extension, event, payload, private)
  values (p_topic, 'broadcast', 'probe', pg_catalog.jsonb_build_object('nonce', p_nonce), true);
  return pg_catalog.json_build_object('told', true);
exception
  when check_violation then
    return pg_catalog.json_build_object(
      'told', false, 'why', case when sqlerrm like 'no partition%' then 'partition' else sqlstate end);
  when invalid_parameter_value then
    raise;
  when others then
    return pg_catalog.json_build_object('told', false, 'why', sqlstate);
end
$$;

revoke all on function public.umbral_chat_probe(text, text) from public, anon, authenticated, service_role;
grant execute on function public.umbral_chat_probe(text, text) to service_role;

insert into public.umbral_chat_migrations (version, name)
values ('20261125000007', 'umbral_chat_probe') on conflict (version) do nothing;
notify pgrst, 'reload schema';
