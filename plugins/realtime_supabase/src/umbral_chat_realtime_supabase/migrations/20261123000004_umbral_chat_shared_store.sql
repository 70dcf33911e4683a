-- Umbral Chat on Supabase, 4 of 6: the shared store. Values travel in base64. Time is the database's.

create or replace function public._umbral_chat_text(p_value bytea) returns text
language sql immutable set search_path = ''
-- `encode` breaks lines.
as $$ select pg_catalog.translate(pg_catalog.encode(p_value, 'base64'), E'\n', '') $$;

create or replace function public._umbral_chat_until(p_ttl float8) returns timestamptz
language sql volatile set search_path = ''
as $$ select pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => p_ttl) $$;

-- Writers of one key take turns, so that its versions rise in the order of the writes.
create or replace function public._umbral_chat_lock_record(p_namespace text, p_key text) returns void
language sql volatile set search_path = ''
as $$
  select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(
    'umbral_chat_record:' || pg_catalog.length(p_namespace) || ':' || p_namespace || p_key, 0))
$$;

create or replace function public.umbral_chat_record_get(p_namespace text, p_key text) returns json
language sql stable security definer set search_path = ''
as $$
  select pg_catalog.json_build_object('record', (
    select pg_catalog.json_build_array(public._umbral_chat_text(value), version)
    from public.umbral_chat_records
    where namespace = p_namespace and key = p_key and (expires is null or expires > pg_catalog.clock_timestamp())))
$$;

create or replace function public.umbral_chat_record_scan(
  p_namespace text, p_prefix text default '', p_limit int default 1000)
returns json
language sql stable security definer set search_path = ''
as $$
  select pg_catalog.json_build_object('records', coalesce(
    pg_catalog.json_agg(pg_catalog.json_build_array(key, public._umbral_chat_text(value), version) order by key), '[]'))
  from (
    select key, value, version from public.umbral_chat_records
    where namespace = p_namespace and key >= p_prefix and pg_catalog.starts_with(key, p_prefix)
      and (expires is null or expires > pg_catalog.clock_timestamp())
    order by key limit greatest(0, p_limit)) as found
$$;

create or replace function public.umbral_chat_record_put(
  p_namespace text, p_key text, p_value text, p_ttl float8 default null)
returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  written bigint;
begin
  perform public._umbral_chat_lock_record(p_namespace, p_key);
  written := pg_catalog.nextval('public.umbral_chat_versions');
  insert into public.umbral_chat_records as r (namespace, key, value, version, expires)
  values (p_namespace, p_key, pg_catalog.decode(p_value, 'base64'), written, public._umbral_chat_until(p_ttl))
  on conflict (namespace, key) do update
  set value = excluded.value, version = excluded.version, expires = excluded.expires;
  return pg_catalog.json_build_object('version', written);
end
$$;

create or replace function public.umbral_chat_record_swap(
  p_namespace text, p_key text, p_value text, p_expect bigint, p_ttl float8 default null,
  p_fence_name text default null, p_fence_token bigint default null)
returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  newest bigint;
  current bigint;
begin
  if p_fence_name is not null then
    -- Held, so that nobody takes the lease over between the look and the write.
    select token into newest from public.umbral_chat_leases where name = p_fence_name for share;
    if newest is null or newest > p_fence_token then
      return pg_catalog.json_build_object('version', null);
    end if;
  end if;
  perform public._umbral_chat_lock_record(p_namespace, p_key);
  select version into current from public.umbral_chat_records
  where namespace = p_namespace and key = p_key and (expires is null or expires > pg_catalog.clock_timestamp());
  if coalesce(current, 0) <> p_expect then
    return pg_catalog.json_build_object('version', null);
  end if;
  return public.umbral_chat_record_put(p_namespace, p_key, p_value, p_ttl);
end
$$;

create or replace function public.umbral_chat_record_delete(p_namespace text, p_key text) returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  lapsed boolean;
begin
  perform public._umbral_chat_lock_record(p_namespace, p_key);
  delete from public.umbral_chat_records where namespace = p_namespace and key = p_key
  returning expires <= pg_catalog.clock_timestamp() into lapsed;
  return pg_catalog.json_build_object('removed', found and lapsed is not true);
end
$$;

create or replace function public.umbral_chat_lease_acquire(p_name text, p_holder text, p_ttl float8) returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  held bigint;
begin
  insert into public.umbral_chat_leases as l (name, holder, token, expires)
  values (p_name, p_holder, pg_catalog.nextval('public.umbral_chat_tokens'), public._umbral_chat_until(p_ttl))
  on conflict (name) do update
  set token = case when l.holder = excluded.holder and l.expires > pg_catalog.clock_timestamp() then l.token
      -- Drawn anew: the one of the values is older than what others may have been given meanwhile.
      else pg_catalog.nextval('public.umbral_chat_tokens') end,
    holder = excluded.holder, expires = public._umbral_chat_until(p_ttl)
  where l.holder is null or l.holder = excluded.holder or l.expires <= pg_catalog.clock_timestamp()
  returning l.token into held;
  return pg_catalog.json_build_object('token', held);
end
$$;

create or replace function public.umbral_chat_lease_renew(p_name text, p_holder text, p_token bigint, p_ttl float8)
returns json
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.umbral_chat_leases set expires = public._umbral_chat_until(p_ttl)
  where name = p_name and holder = p_holder and token = p_token and expires > pg_catalog.clock_timestamp();
  return pg_catalog.json_build_object('renewed', found);
end
$$;

create or replace function public.umbral_chat_lease_release(p_name text, p_holder text, p_token bigint) returns json
language plpgsql volatile security definer set search_path = ''
as $$
begin
  -- Its row stays and keeps the token.
  update public.umbral_chat_leases set holder = null, expires = pg_catalog.clock_timestamp()
  where name = p_name and holder = p_holder and token = p_token;
  return '{}'::json;
end
$$;

-- The counter's row is locked until the transaction ends, so positions have no holes and appear in order. 1000 signals
-- of 4 MB in all are kept, so that the list stays short; it is trimmed every 32.
create or replace function public.umbral_chat_signal_post(p_topic text, p_payload text) returns json
language plpgsql volatile security definer set search_path = ''
as $$
declare
  place bigint;
begin
  update public.umbral_chat_counters set value = value + 1 where name = 'signal' returning value into place;
  insert into public.umbral_chat_signals (position, topic, payload, at)
  values (place, p_topic, pg_catalog.decode(p_payload, 'base64'), pg_catalog.clock_timestamp());
  if place % 32 = 0 then
    delete from public.umbral_chat_signals where position <= greatest(place - 1000, (
      select coalesce(pg_catalog.max(listed.position), 0) from (
        select s.position, pg_catalog.sum(pg_catalog.length(s.payload)) over (order by s.position desc) as total
        from public.umbral_chat_signals s) as listed
      where listed.total > 4000000));
  end if;
  return pg_catalog.json_build_object('position', place);
end
$$;

create or replace function public.umbral_chat_signals_since(p_after bigint, p_topics text default null) returns json
language sql stable security definer set search_path = ''
as $$
  select pg_catalog.json_build_object(
    'position', last.value,
    -- Positions have no holes, so what is missing is what was dropped at the list's beginning.
    'complete', p_after < 0 or (p_after <= last.value and p_after >= coalesce(
      (select pg_catalog.min(position) - 1 from public.umbral_chat_signals), last.value)),
    'signals', coalesce((
      select pg_catalog.json_agg(
        pg_catalog.json_build_array(position, topic, public._umbral_chat_text(payload)) order by position)
      from public.umbral_chat_signals
      where p_after >= 0 and position > p_after and (
        p_topics is null or topic in (select value from pg_catalog.json_array_elements_text(p_topics::json)))), '[]'))
  from public.umbral_chat_counters as last where last.name = 'signal'
$$;

-- The service alone calls these; the inner ones (`_umbral_chat_`) are called by them and by nobody else.
do $$
declare
  callable record;
begin
  for callable in
    select oid::regprocedure as name, starts_with(proname, 'umbral_chat_') as outer_one
    from pg_catalog.pg_proc
    where pronamespace = 'public'::regnamespace and proname ~ '^_?umbral_chat_' and proname !~ '^umbral_chat_my_'
  loop
    execute format('revoke all on function %s from public, anon, authenticated, service_role', callable.name);
    if callable.outer_one then
      execute format('grant execute on function %s to service_role', callable.name);
    end if;
  end loop;
end
$$;

insert into public.umbral_chat_migrations (version, name)
values ('20261123000004', 'umbral_chat_shared_store') on conflict (version) do nothing;
notify pgrst, 'reload schema';
