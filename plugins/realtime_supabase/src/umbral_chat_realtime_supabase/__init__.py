"""Supabase for Umbral Chat: logs in Supabase Postgres, and Supabase's users."""
