"""Settings for the contract: the usual times, and bounds that a test can reach."""

from __future__ import annotations

from typing import Any

from umbral_chat.providers.presence import Presence
from umbral_chat.testing import ManualClock, PresenceRig
from umbral_chat_presence.settings import PresenceSettings

SMALL = PresenceSettings(listed_people=20, devices_per_person=3, devices=30)


def rig_of(settings: PresenceSettings, presence: Presence, clock: ManualClock, **more: Any) -> PresenceRig:
    """The rig of a presence that was made with these settings."""
    return PresenceRig(
        presence=presence,
        clock=clock,
        ttl=settings.ttl,
        hold_back=settings.hold_back,
        typing_ttl=settings.typing_ttl,
        assistant_typing_ttl=settings.assistant_typing_ttl,
        listed_people=settings.listed_people,
        devices_per_person=settings.devices_per_person,
        devices=settings.devices,
        **more,
    )


__all__ = ["SMALL", "rig_of"]
