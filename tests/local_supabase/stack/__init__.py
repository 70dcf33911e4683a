"""A local Supabase without Docker: real PostgreSQL, Supabase's own REST and Auth, and a gateway before them."""
