"""The soak of the live link: two instances on one Supabase, whose Realtime is broken in every way."""
