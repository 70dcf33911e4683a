"""Failover: which transport is used now. Nothing else in the service knows."""

from umbral_chat._core.delivery.failover.failover import Failover
from umbral_chat._core.delivery.failover.machine import Choice, Machine

__all__ = ["Choice", "Failover", "Machine"]
