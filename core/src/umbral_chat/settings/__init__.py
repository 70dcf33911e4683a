"""Settings, as plugins declare and read them: `Section`, `Secret`, the core's sections, and `Settings` of a service."""

from umbral_chat._core.settings.effective import Settings
from umbral_chat._core.settings.secret import Secret
from umbral_chat._core.settings.sections import (
    Cache,
    Core,
    Key,
    Limits,
    OutboundLimits,
    Positive,
    Realtime,
    Retry,
    Seconds,
    Section,
    Telemetry,
)

__all__ = [
    "Cache",
    "Core",
    "Key",
    "Limits",
    "OutboundLimits",
    "Positive",
    "Realtime",
    "Retry",
    "Seconds",
    "Secret",
    "Section",
    "Settings",
    "Telemetry",
]
