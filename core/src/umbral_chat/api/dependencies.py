"""What ordinary handlers are given: the running parts as they are, not converted as a request's data would be."""

from __future__ import annotations

from typing import Annotated

from litestar.params import Dependency

from umbral_chat.context import Services
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.edges import Check

Parts = Annotated[Services, Dependency(skip_validation=True)]
"""The parts of the service."""

Caller = Annotated[Principal, Dependency(skip_validation=True)]
"""Who calls, as the guard recognized them."""

Checks = Annotated[list[Check], Dependency(skip_validation=True)]
"""Every check of the core and of plugins."""

__all__ = ["Caller", "Checks", "Parts"]
