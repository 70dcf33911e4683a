"""The live link: a transport over Supabase Realtime, which is believed only as far as it is seen to work."""

from umbral_chat_realtime_supabase.live.transport import SupabaseTransport

__all__ = ["SupabaseTransport"]
