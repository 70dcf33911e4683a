-- @supabase/lite gives every API role all rights on every table, as soon as it sees one with row level security.
-- Hosted REST grants nothing. So what its own connections grant is taken back in the same statement; it never learns.
create schema lite;

create table lite.kept_classes (oid oid primary key, acl aclitem[]);
create table lite.kept_defaults (oid oid primary key, acl aclitem[]);

create function lite.keep() returns event_trigger language plpgsql security definer set search_path = '' as $$
begin
  if pg_catalog.current_setting('application_name') <> 'supabase-lite' then
    return;
  end if;
  -- Several of its connections do it at once.
  perform pg_catalog.pg_advisory_xact_lock(75110117);
  delete from lite.kept_classes;
  insert into lite.kept_classes select c.oid, c.relacl from pg_catalog.pg_class c where c.relkind in ('r', 'p', 'v', 'S');
  delete from lite.kept_defaults;
  insert into lite.kept_defaults select d.oid, d.defaclacl from pg_catalog.pg_default_acl d;
end $$;

create function lite.take_back() returns event_trigger language plpgsql security definer set search_path = '' as $$
begin
  if pg_catalog.current_setting('application_name') <> 'supabase-lite' then
    return;
  end if;
  update pg_catalog.pg_class c set relacl = k.acl
    from lite.kept_classes k where k.oid = c.oid and c.relacl is distinct from k.acl;
  delete from pg_catalog.pg_default_acl d where not exists (select 1 from lite.kept_defaults k where k.oid = d.oid);
  update pg_catalog.pg_default_acl d set defaclacl = k.acl
    from lite.kept_defaults k where k.oid = d.oid and d.defaclacl is distinct from k.acl;
end $$;

create event trigger lite_keeps on ddl_command_start
  when tag in ('GRANT', 'ALTER DEFAULT PRIVILEGES') execute function lite.keep();
create event trigger lite_takes_back on ddl_command_end
  when tag in ('GRANT', 'ALTER DEFAULT PRIVILEGES') execute function lite.take_back();
