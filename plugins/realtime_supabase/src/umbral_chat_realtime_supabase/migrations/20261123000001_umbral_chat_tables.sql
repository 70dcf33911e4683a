-- Umbral Chat on Supabase, 1 of 6: tables.
--
-- Everything of ours is in `public` under the prefix `umbral_chat_` (inner functions: `_umbral_chat_`). Running a file
-- again changes nothing. Supabase's default privileges give new tables of `public` to anon, authenticated and
-- service_role, so each file takes them away again in the transaction that made them.

create table if not exists public.umbral_chat_migrations (
  version text primary key,
  name text not null,
  applied_at timestamptz not null default now()
);

-- Numbers that the database itself goes by. Changed by hand in the SQL editor, if ever.
create table if not exists public.umbral_chat_settings (
  name text primary key,
  value text not null,
  meaning text not null
);

insert into public.umbral_chat_settings (name, value, meaning) values
  ('shards', '8', 'Service topics that conversations are spread over. Every instance reads it when it starts.'),
  ('payload_limit', '200000', 'Most bytes of a broadcast. Above it only where the log stands is broadcast. The Free plan takes 256 kB.'),
  ('tombstone_days', '30', 'Days for which a deleted conversation is remembered.')
on conflict (name) do nothing;

create table if not exists public.umbral_chat_conversations (
  log bigint generated always as identity primary key,
  id text collate "C" not null unique,
  epoch text not null,
  head bigint not null default 0,
  redaction bigint not null default 0,
  status text not null default 'open' check (status in ('open', 'closed')),
  responder text not null default 'assistant' check (responder in ('assistant', 'human')),
  realtime text not null default 'inherit' check (realtime in ('inherit', 'off')),
  title text,
  metadata json,
  members json not null default '[]',
  created_at timestamptz not null,
  last_activity timestamptz not null
);
comment on table public.umbral_chat_conversations is 'One row a log. `log` is its inner identity, never given out twice; `epoch` the one that cursors carry.';

create index if not exists umbral_chat_conversations_inbox
  on public.umbral_chat_conversations (last_activity desc, id desc);
create index if not exists umbral_chat_conversations_inbox_by_status
  on public.umbral_chat_conversations (status, last_activity desc, id desc);

create table if not exists public.umbral_chat_members (
  log bigint not null,
  subject text not null,
  conversation text not null,
  role text not null default 'user' check (role in ('user', 'assistant', 'agent', 'system')),
  name text,
  primary key (log, subject)
);
comment on table public.umbral_chat_members is 'The members of `umbral_chat_conversations.members`, one a row: what policies look at.';

create index if not exists umbral_chat_members_by_subject
  on public.umbral_chat_members (subject) include (log, conversation);

-- `json`, not `jsonb`: what a caller sent comes back as it was, numbers and order included.
create table if not exists public.umbral_chat_entries (
  log bigint not null,
  seq bigint not null,
  conversation text not null,
  kind text not null check (kind in ('message', 'edit', 'redaction', 'update')),
  at timestamptz not null,
  message_id text,
  target bigint,
  entry json not null,
  primary key (log, seq)
);
comment on table public.umbral_chat_entries is 'What every member of the conversation may read. `target` is the seq of the message that an edit or redaction is about.';

create unique index if not exists umbral_chat_entries_by_message
  on public.umbral_chat_entries (log, message_id) where kind = 'message';
create index if not exists umbral_chat_entries_by_target
  on public.umbral_chat_entries (log, target, seq) where target is not null;

create table if not exists public.umbral_chat_writes (
  log bigint not null,
  seq bigint not null,
  kind text not null,
  author text,
  key text,
  fingerprint text,
  primary key (log, seq)
);
comment on table public.umbral_chat_writes is 'What nobody but the service sees of an entry: who wrote it, and its idempotency key. `kind` again, so that counting what is unread reads this table alone.';

create unique index if not exists umbral_chat_writes_by_key
  on public.umbral_chat_writes (log, author, key) where key is not null;

create table if not exists public.umbral_chat_markers (
  log bigint not null,
  reader text not null,
  seq bigint not null,
  primary key (log, reader)
);

create table if not exists public.umbral_chat_tombstones (
  id text collate "C" primary key,
  until timestamptz not null
);

-- Logs that no reader finds any more and whose rows are removed slice by slice.
create table if not exists public.umbral_chat_doomed (
  log bigint primary key,
  conversation text not null,
  epoch text not null
);

create sequence if not exists public.umbral_chat_versions;
create table if not exists public.umbral_chat_records (
  namespace text collate "C" not null,
  key text collate "C" not null,
  value bytea not null,
  version bigint not null,
  expires timestamptz,
  primary key (namespace, key)
);
create index if not exists umbral_chat_records_by_expiry
  on public.umbral_chat_records (expires) where expires is not null;

create sequence if not exists public.umbral_chat_tokens;
create table if not exists public.umbral_chat_leases (
  name text primary key,
  holder text,
  token bigint not null,
  expires timestamptz not null
);
create index if not exists umbral_chat_leases_by_expiry on public.umbral_chat_leases (expires);

create table if not exists public.umbral_chat_counters (
  name text primary key,
  value bigint not null
);
insert into public.umbral_chat_counters (name, value) values ('signal', 0) on conflict (name) do nothing;

-- Unlogged: signals are worth nothing after a crash, and are told to be missing then.
create unlogged table if not exists public.umbral_chat_signals (
  position bigint primary key,
  topic text collate "C" not null,
  payload bytea not null,
  at timestamptz not null
);

-- Sequences as counters: they count what happened in a transaction that is rolled back, and nobody waits for them.
create sequence if not exists public.umbral_chat_broadcasts_failed minvalue 0 start 0;
create sequence if not exists public.umbral_chat_broadcasts_unpartitioned minvalue 0 start 0;
create sequence if not exists public.umbral_chat_broadcasts_head_only minvalue 0 start 0;
create sequence if not exists public.umbral_chat_broadcasts_unerased minvalue 0 start 0;

do $$
declare
  relation regclass;
begin
  for relation in
    select c.oid::regclass from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'S') and c.relname like 'umbral\_chat\_%'
  loop
    if (select relkind from pg_catalog.pg_class where oid = relation) = 'r' then
      execute format('alter table %s enable row level security', relation);
      execute format('revoke all on table %s from public, anon, authenticated, service_role', relation);
    else
      execute format('revoke all on sequence %s from public, anon, authenticated, service_role', relation);
    end if;
  end loop;
end
$$;

-- What members may read. Without a policy (see 6) row level security shows them nothing.
grant select on public.umbral_chat_conversations, public.umbral_chat_entries to authenticated;

insert into public.umbral_chat_migrations (version, name)
values ('20261123000001', 'umbral_chat_tables') on conflict (version) do nothing;
notify pgrst, 'reload schema';
