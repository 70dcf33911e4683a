"""The plugin host: entry points loaded one by one, every hook behind a typed method, every failure with its plugin."""

from umbral_chat._core.plugins.boot import boot
from umbral_chat._core.plugins.host import PluginHost
from umbral_chat._core.plugins.status import PluginStatus

__all__ = ["PluginHost", "PluginStatus", "boot"]
