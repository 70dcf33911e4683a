"""A stand-in for Supabase Realtime: its wire protocol, and every fault on command. See README.md beside this file."""
