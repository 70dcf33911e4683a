"""What is checked, in order."""

from __future__ import annotations

from tests.labs.kit.chat_pages import TRANSITIONS

from .accessibility import accessibility
from .account import account
from .embedded import embedded
from .growth import growth
from .injection import injection
from .keyboard import keyboard
from .lab import Check
from .long_history import long_history
from .receipts import receipts
from .together import together
from .transitions import transition

CHECKS: dict[str, Check] = {
    "together": together,
    "keyboard": keyboard,
    "growth": growth,
    "history": long_history,
    "injection": injection,
    "axe": accessibility,
    "embed": embedded,
    "account": account,
    "receipts": receipts,
    **{name: transition(name) for name in TRANSITIONS},
}
"""By name."""

SHORT = ("together", "keyboard", "growth", "history", "injection", "axe", "embed", "account", "reload", "network")
"""Of the short run."""

__all__ = ["CHECKS", "SHORT"]
