"""Failover: which transport is used now. Nothing else in the service knows."""

from umbral_chat.failover.failover import Failover
from umbral_chat.failover.machine import Choice, Machine

__all__ = ["Choice", "Failover", "Machine"]
