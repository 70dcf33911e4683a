"""What ordinary handlers are given: the running parts as they are, not converted as a request's data would be."""

from __future__ import annotations

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from umbral_chat._core.parts import ServiceParts
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.edges import Check

Parts = NamedDependency[SkipValidation[ServiceParts]]
"""The parts of the service."""

Caller = NamedDependency[SkipValidation[Principal]]
"""Who calls, as the guard recognized them."""

Checks = NamedDependency[SkipValidation[list[Check]]]
"""Every check of the core and of plugins."""

__all__ = ["Caller", "Checks", "Parts"]
