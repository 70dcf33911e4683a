-- Umbral Chat on Supabase: the way down. EVERY CONVERSATION AND ENTRY IS LOST. Not a migration, and kept outside their
-- folder so that no tool runs it by itself. Running it again changes nothing.

do $$
declare
  thing record;
begin
  if to_regclass('realtime.messages') is not null then
    for thing in
      select policyname from pg_catalog.pg_policies
      where schemaname = 'realtime' and tablename = 'messages' and policyname like 'umbral\_chat\_%'
    loop
      execute format('drop policy %I on realtime.messages', thing.policyname);
    end loop;
    delete from realtime.messages where topic like 'umbral\_chat:%';
  end if;
  for thing in
    select oid::regclass as name from pg_catalog.pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname like 'umbral\_chat\_%'
  loop
    execute format('drop table %s cascade', thing.name);
  end loop;
  for thing in
    select oid::regprocedure as name from pg_catalog.pg_proc
    where pronamespace = 'public'::regnamespace and proname ~ '^_?umbral_chat_'
  loop
    execute format('drop function if exists %s cascade', thing.name);
  end loop;
  for thing in
    select oid::regclass as name from pg_catalog.pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'S' and relname like 'umbral\_chat\_%'
  loop
    execute format('drop sequence if exists %s', thing.name);
  end loop;
end
$$;

notify pgrst, 'reload schema';
