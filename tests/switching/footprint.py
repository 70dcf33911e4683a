"""What a process holds of the system, as /proc tells, and of asyncio, as it tells itself."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from .instances import Instance


class Footprint(NamedTuple):
    """Counts of one process."""

    files: int
    """Open file descriptors that are no sockets."""
    sockets: int
    threads: int
    tasks: int

    def exceeds(self, other: Footprint) -> list[str]:
        """What there is more of than in the other."""
        pairs = zip(self._fields, self, other, strict=True)
        return [f"{name}: {before} before, {now} now" for name, now, before in pairs if now > before]


async def footprint(instance: Instance) -> Footprint:
    """Of an instance that nobody else asks anything now."""
    tasks = await instance.tasks()
    folder = Path(f"/proc/{instance.service.pid}")
    links = []
    for file in (folder / "fd").iterdir():
        try:
            links.append(str(file.readlink()))
        except OSError:  # closed since it was listed
            continue
    sockets = sum(link.startswith("socket:") for link in links)
    return Footprint(len(links) - sockets, sockets, len(list((folder / "task").iterdir())), tasks)


__all__ = ["Footprint", "footprint"]
