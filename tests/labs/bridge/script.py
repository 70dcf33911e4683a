"""What the scripted n8n is to do, as a file that each start of its process reads, or the proxy before a real one.
Pure."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .plan import CHATS, PROCESS, Drawn, Plan


@dataclass
class Script:
    """The faults by the machine's clock, and the workflows."""

    port: int
    seed: int
    slow: float
    began: float
    """When the run began, in Unix seconds."""
    windows: list[tuple[float, float, str]]
    forever: dict[str, str]
    streams: dict[str, bool]
    """By workflow, whether it streams."""
    unhit: float = Plan.unhit
    hit: set[int] = field(default_factory=set)
    """Windows that a call met."""

    @classmethod
    def of(cls, plan: Plan, drawn: Drawn, port: int, began: float) -> Script:
        """That of a run."""
        windows = [(one.begin, one.end, str(one.kind)) for one in drawn.windows if one.kind not in PROCESS]
        streams = {chat.workflow: chat.streams for chat in CHATS}
        return cls(port, plan.seed, plan.slow, began, windows, dict(drawn.forever), streams, plan.unhit)

    @classmethod
    def load(cls, path: Path) -> Script:
        """Read it."""
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return cls(**found | {"windows": [tuple(each) for each in found["windows"]]})

    def save(self, path: Path) -> None:
        """Write it."""
        shown = {name: value for name, value in vars(self).items() if name != "hit"}
        path.write_text(json.dumps(shown), "utf-8")

    def failing(self, key: str, busy: int, *, mercy: int) -> str | None:
        """How a call for a message fails that comes now, if it does; `busy`: how often it did with `busy`."""
        if (forever := self.forever.get(key)) is not None:
            return forever
        now = time.time() - self.began
        for number, (begin, end, kind) in enumerate(self.windows):
            if begin <= now < (end if number in self.hit else end + self.unhit):
                if kind == "busy" and busy >= mercy:
                    return None
                self.hit.add(number)
                return kind
        return None


__all__ = ["Script"]
