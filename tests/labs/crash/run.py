"""The state of one run: the shared one, with the store that is killed."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.labs.kit.run import Run
from tests.labs.kit.service import Service

from .stores import Store


@dataclass(slots=True)
class CrashRun(Run):
    """A run whose store is killed again and again."""

    store: Store = field(kw_only=True)

    @property
    def service(self) -> Service:
        """The only instance."""
        return self.store.service


__all__ = ["CrashRun"]
