-- Policies on tables of others, as hosted: supautils' `policy_grants` names roles and the tables on which each may create,
-- alter and drop policies without owning them. That is a library of the server, which does such a statement as a superuser;
-- here the caller is lent the owner's role for the length of the statement, and nothing else changes.
create schema stand_in;

create table stand_in.policy_grants (caller name, relation regclass, primary key (caller, relation));
insert into stand_in.policy_grants values ('postgres', 'realtime.messages');

create function stand_in.caller() returns name language sql stable set search_path = '' as $$
  select case pg_catalog.current_setting('role') when 'none' then session_user
    else pg_catalog.current_setting('role')::name end
$$;

create function stand_in.lend() returns event_trigger language plpgsql security definer set search_path = '' as $$
declare
  owner name;
begin
  perform pg_catalog.set_config('stand_in.lent', '', true);
  select pg_catalog.pg_get_userbyid(c.relowner) into owner
    from stand_in.policy_grants g join pg_catalog.pg_class c on c.oid = g.relation where g.caller = stand_in.caller();
  if owner is null or pg_catalog.pg_has_role(stand_in.caller(), owner, 'member') then
    return;
  end if;
  perform pg_catalog.pg_advisory_xact_lock(75110118);
  execute pg_catalog.format('grant %I to %I with inherit true, set false', owner, stand_in.caller());
  perform pg_catalog.set_config('stand_in.lent', owner, true);
end $$;

-- Lent for these tables alone.
create function stand_in.check(p_relation oid) returns void language plpgsql set search_path = '' as $$
begin
  if pg_catalog.current_setting('stand_in.lent', true) <> ''
    and not exists (select from stand_in.policy_grants where caller = stand_in.caller() and relation = p_relation)
    and pg_catalog.current_setting('stand_in.lent') = (
      select pg_catalog.pg_get_userbyid(relowner) from pg_catalog.pg_class where oid = p_relation)
  then
    raise insufficient_privilege using message = pg_catalog.format('must be owner of table %s', p_relation::regclass);
  end if;
end $$;

create function stand_in.check_dropped() returns event_trigger language plpgsql security definer set search_path = '' as $$
begin
  perform stand_in.check(pg_catalog.to_regclass(pg_catalog.format('%I.%I', address_names[1], address_names[2])))
    from pg_catalog.pg_event_trigger_dropped_objects() where object_type = 'policy';
end $$;

create function stand_in.take_back() returns event_trigger language plpgsql security definer set search_path = '' as $$
begin
  if coalesce(pg_catalog.current_setting('stand_in.lent', true), '') = '' then
    return;
  end if;
  perform stand_in.check(p.polrelid)
    from pg_catalog.pg_event_trigger_ddl_commands() c join pg_catalog.pg_policy p on p.oid = c.objid
    where c.classid = 'pg_catalog.pg_policy'::regclass;
  execute pg_catalog.format('revoke %I from %I', pg_catalog.current_setting('stand_in.lent'), stand_in.caller());
  perform pg_catalog.set_config('stand_in.lent', '', true);
end $$;

create event trigger stand_in_lends on ddl_command_start
  when tag in ('CREATE POLICY', 'ALTER POLICY', 'DROP POLICY') execute function stand_in.lend();
create event trigger stand_in_checks on sql_drop when tag in ('DROP POLICY') execute function stand_in.check_dropped();
create event trigger stand_in_takes_back on ddl_command_end
  when tag in ('CREATE POLICY', 'ALTER POLICY', 'DROP POLICY') execute function stand_in.take_back();
