"""Umbral Chat: the live layer under every n8n chat. The log is the truth; a transport only makes it fast."""

from umbral_chat.markers import hookimpl

__version__ = "0.1.0"

__all__ = ["__version__", "hookimpl"]
