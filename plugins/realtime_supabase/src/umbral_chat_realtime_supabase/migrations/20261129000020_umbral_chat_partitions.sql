-- Umbral Chat on Supabase, 20: when the partitions of `realtime.messages` are made, said where it can be read.
--
-- Realtime makes them when it connects to the database, which the first client's join causes after a quiet time, and by a
-- job every four hours; not at each join. So a day without a partition may also be one on which clients listen: they do
-- not hear the entry, and read it.

comment on sequence public.umbral_chat_broadcasts_unpartitioned is
  'Broadcasts that found no partition of realtime.messages for the day. Realtime makes partitions when it connects to the '
  'database and every four hours, not at each join: who listens by then does not hear the entry, and reads it later.';
comment on function public.umbral_chat_probe(text, text) is
  'Broadcasts a probe to one listener. Answers {"told": true}, or why not: off (the switch), partition (of the day, which '
  'Realtime makes when it connects to the database), or the SQLSTATE.';

insert into public.umbral_chat_migrations (version, name)
values ('20261129000020', 'umbral_chat_partitions') on conflict (version) do nothing;
notify pgrst, 'reload schema';
