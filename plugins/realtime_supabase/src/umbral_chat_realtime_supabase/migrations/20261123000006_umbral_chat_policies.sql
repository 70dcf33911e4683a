-- Umbral Chat on Supabase, 6 of 6: who sees what.
--
-- The service goes through its functions. A signed-in user reads the conversations that it is a member of, their entries
-- and their topic, and writes nothing. Everybody else has nothing.

-- The logs and conversations of the caller, looked up once a statement: as an array it is an index's condition. Users
-- have no right to the members' table itself.
create or replace function public.umbral_chat_my_logs() returns bigint[]
language sql stable security definer set search_path = ''
as $$
  select coalesce(pg_catalog.array_agg(log), '{}') from public.umbral_chat_members
  where subject = (select auth.uid())::text
$$;

create or replace function public.umbral_chat_my_conversations() returns text[]
language sql stable security definer set search_path = ''
as $$
  select coalesce(pg_catalog.array_agg(conversation), '{}') from public.umbral_chat_members
  where subject = (select auth.uid())::text
$$;

revoke all on function public.umbral_chat_my_logs(), public.umbral_chat_my_conversations()
  from public, anon, authenticated, service_role;
grant execute on function public.umbral_chat_my_logs(), public.umbral_chat_my_conversations() to authenticated;

drop policy if exists umbral_chat_members_read on public.umbral_chat_conversations;
create policy umbral_chat_members_read on public.umbral_chat_conversations for select to authenticated
  using (log = any ((select public.umbral_chat_my_logs())::bigint[]));

drop policy if exists umbral_chat_members_read on public.umbral_chat_entries;
create policy umbral_chat_members_read on public.umbral_chat_entries for select to authenticated
  using (log = any ((select public.umbral_chat_my_logs())::bigint[]));

-- Topics. Realtime asks with a row of the topic and with the topic as a setting; both must be allowed. What these say is
-- written out, since a policy's functions must be callable by those whom it holds for.
drop policy if exists umbral_chat_members_listen on realtime.messages;
create policy umbral_chat_members_listen on realtime.messages for select to authenticated
  using (
    extension = 'broadcast'
    and starts_with(topic, 'umbral_chat:c:')
    and substr(topic, 15) = any ((select public.umbral_chat_my_conversations())::text[])
  );

-- A project's own policies add up with each other, and one that lets every user listen or send everywhere would open
-- our topics too. Restrictive policies hold whatever else is allowed.
drop policy if exists umbral_chat_topics_are_read_by_members on realtime.messages;
create policy umbral_chat_topics_are_read_by_members on realtime.messages as restrictive for select to authenticated
  using (
    not (starts_with(topic, 'umbral_chat:') or starts_with(coalesce((select realtime.topic()), ''), 'umbral_chat:'))
    or (
      extension = 'broadcast'
      and topic = (select realtime.topic())
      and starts_with(topic, 'umbral_chat:c:')
      and substr(topic, 15) = any ((select public.umbral_chat_my_conversations())::text[])
    )
  );

drop policy if exists umbral_chat_topics_are_closed_to_anon on realtime.messages;
create policy umbral_chat_topics_are_closed_to_anon on realtime.messages as restrictive for all to anon
  using (
    not (starts_with(topic, 'umbral_chat:') or starts_with(coalesce((select realtime.topic()), ''), 'umbral_chat:')))
  with check (
    not (starts_with(topic, 'umbral_chat:') or starts_with(coalesce((select realtime.topic()), ''), 'umbral_chat:')));

drop policy if exists umbral_chat_topics_are_written_by_the_service on realtime.messages;
create policy umbral_chat_topics_are_written_by_the_service on realtime.messages as restrictive for insert
  to authenticated
  with check (
    not (starts_with(topic, 'umbral_chat:') or starts_with(coalesce((select realtime.topic()), ''), 'umbral_chat:')));

drop policy if exists umbral_chat_topics_are_not_changed on realtime.messages;
create policy umbral_chat_topics_are_not_changed on realtime.messages as restrictive for update to authenticated
  using (not starts_with(topic, 'umbral_chat:')) with check (not starts_with(topic, 'umbral_chat:'));

drop policy if exists umbral_chat_topics_are_not_deleted on realtime.messages;
create policy umbral_chat_topics_are_not_deleted on realtime.messages as restrictive for delete to authenticated
  using (not starts_with(topic, 'umbral_chat:'));

insert into public.umbral_chat_migrations (version, name)
values ('20261123000006', 'umbral_chat_policies') on conflict (version) do nothing;
notify pgrst, 'reload schema';
