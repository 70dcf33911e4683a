"""The live link: a transport over Supabase Realtime, which counts as live only while probes show that it works."""

from umbral_chat_realtime_supabase.live.transport import SupabaseTransport

__all__ = ["SupabaseTransport"]
