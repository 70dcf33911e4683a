"""The edge `direct`: a user of the project follows a conversation on its own channel of Supabase Realtime."""
