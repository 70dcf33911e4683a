-- Roles and default privileges as a hosted project has them, written to the facts. Run by the superuser.

create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
create role supabase_auth_admin nologin noinherit createrole;
create role supabase_realtime_admin nologin noinherit;
create role dashboard_user nologin createrole createdb replication;
-- Who runs a project's migrations is no superuser, and no member of `supabase_realtime_admin`: hosted projects have lost
-- that (Realtime's migration 20260707120000). 5_policy_grants.sql is what they have instead.
create role postgres login createrole createdb replication bypassrls;

grant anon, authenticated, service_role to authenticator with inherit false;
grant anon, authenticated, service_role to postgres with admin option;
grant anon, authenticated, service_role to supabase_realtime_admin;

-- As hosted: a slow statement of a client ends.
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';

alter database postgres owner to postgres;
alter schema public owner to pg_database_owner;
grant usage on schema public to postgres, anon, authenticated, service_role;
-- What makes a table of `public` everybody's, until its maker says otherwise.
alter default privileges for role postgres in schema public
  grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;
