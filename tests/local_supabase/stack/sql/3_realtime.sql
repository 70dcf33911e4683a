-- The schema `realtime` as Realtime's migrations leave it, as far as broadcasts go.

create schema realtime authorization supabase_admin;
grant usage on schema realtime to postgres with grant option;
grant usage on schema realtime to anon, authenticated, service_role;
grant all on schema realtime to supabase_realtime_admin with grant option;

create table realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default now(),
  inserted_at timestamp not null default now(),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  constraint messages_payload_exclusive check (payload is null or binary_payload is null) not valid,
  primary key (id, inserted_at)
) partition by range (inserted_at);
create index messages_inserted_at_topic_index on realtime.messages (inserted_at desc, topic)
  where extension = 'broadcast' and private is true;
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;
grant all on realtime.messages to postgres, dashboard_user;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;

create function realtime.topic() returns text language sql stable as $$
  select nullif(current_setting('realtime.topic', true), '')
$$;

-- Every error becomes a warning, as in the real one.
create function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
language plpgsql as $$
begin
  if not payload ? 'id' then
    payload := payload || jsonb_build_object('id', gen_random_uuid());
  end if;
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (payload, event, topic, private, extension)
  values (payload, event, topic, private, 'broadcast');
exception
  when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

create function realtime.send_binary(payload bytea, event text, topic text, private boolean default true) returns void
language plpgsql as $$
begin
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (binary_payload, event, topic, private, extension)
  values (payload, event, topic, private, 'broadcast');
exception
  when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

create function realtime.broadcast_changes(
  topic_name text, event_name text, operation text, table_name text, table_schema text,
  new record, old record, level text default 'ROW')
returns void language plpgsql as $$
begin
  if operation not in ('INSERT', 'UPDATE', 'DELETE') then
    raise exception 'unexpected operation %', operation;
  end if;
  perform realtime.send(
    jsonb_build_object('record', to_jsonb(new), 'old_record', to_jsonb(old), 'operation', operation,
      'table', table_name, 'schema', table_schema),
    event_name, topic_name, true);
end
$$;

alter function realtime.topic() owner to supabase_realtime_admin;
alter function realtime.send(jsonb, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.send_binary(bytea, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.broadcast_changes(text, text, text, text, text, record, record, text)
  owner to supabase_realtime_admin;

-- What the server does when it connects to the database, and a janitor every few hours: partitions for yesterday and three
-- days ahead, and none older than three days. Not what it does at a join.
create function realtime.stand_in_partitions() returns void language plpgsql security definer set search_path = '' as $$
declare
  day date;
  name text;
begin
  for day in select generate_series(current_date - 1, current_date + 3, interval '1 day') loop
    name := 'messages_' || to_char(day, 'YYYY_MM_DD');
    if to_regclass('realtime.' || name) is null then
      execute format('create table realtime.%I partition of realtime.messages for values from (%L) to (%L)',
        name, day, day + 1);
      execute format('alter table realtime.%I owner to supabase_realtime_admin', name);
    end if;
  end loop;
  for name in
    select relname from pg_catalog.pg_class
    where relnamespace = 'realtime'::regnamespace and relkind = 'r' and relname ~ '^messages_\d{4}_\d\d_\d\d$'
      and relname < 'messages_' || to_char(current_date - 3, 'YYYY_MM_DD')
  loop
    execute format('drop table realtime.%I', name);
  end loop;
end
$$;
revoke all on function realtime.stand_in_partitions() from public;
-- For tests that ask the database alone.
select realtime.stand_in_partitions();

create function realtime.stand_in_no_partitions() returns void language plpgsql security definer set search_path = '' as $$
declare
  name text;
begin
  for name in select inhrelid::regclass::text from pg_catalog.pg_inherits where inhparent = 'realtime.messages'::regclass
  loop
    execute format('drop table %s', name);
  end loop;
end
$$;
revoke all on function realtime.stand_in_no_partitions() from public;

-- The publication is made by the server's replication connection, when the first client joins.
