-- The schema `auth` as far as policies and functions look into it. Its tables are Auth's own and are made by it.

create schema auth authorization supabase_auth_admin;
grant usage on schema auth to postgres, anon, authenticated, service_role;

-- As hosted: who runs migrations may read and change what Auth keeps.
alter default privileges for role supabase_admin in schema auth grant all on tables to postgres, dashboard_user;
