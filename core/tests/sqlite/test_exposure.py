"""A database that others may write, or replace, is not opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from umbral_chat._core.cli.machine_checks import database_finding
from umbral_chat._core.sqlite.engine import exposure
from umbral_chat.errors import StoreError
from umbral_chat.testing.embedded import opened
from umbral_chat.testing.storage import send


def open_file(path: Path) -> None:
    path.chmod(0o666)


def open_wal(path: Path) -> None:
    wal = path.with_name(path.name + "-wal")
    wal.touch()
    wal.chmod(0o602)


def open_folder(path: Path) -> None:
    path.parent.chmod(0o777)


@pytest.mark.parametrize("expose", [open_file, open_wal, open_folder])
async def test_it_is_refused_with_the_mend(tmp_path: Path, expose: Callable[[Path], None]) -> None:
    folder = tmp_path / "data"
    folder.mkdir(0o700)
    path = folder / "chat.sqlite3"
    async with opened(path) as storage:
        await send(storage.history)
    expose(path)
    with pytest.raises(StoreError, match="chmod o-w"):
        async with opened(path):
            pass
    found = database_finding(path)
    assert (found.state, "chmod o-w" in (found.mend or "")) == ("failed", True)


async def test_a_symbolic_link_does_not_avoid_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    async with opened(folder / "chat.sqlite3"):
        pass
    folder.chmod(0o777)
    (tmp_path / "link.sqlite3").symlink_to(folder / "chat.sqlite3")
    with pytest.raises(StoreError, match="chmod o-w"):
        async with opened(tmp_path / "link.sqlite3"):
            pass


def test_in_a_sticky_folder_a_foreign_wal_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o1777)
    path = tmp_path / "chat.sqlite3"
    path.touch(0o600)
    path.with_name(path.name + "-wal").touch(0o600)
    assert exposure.find_exposure(path) is None
    # The WAL belongs neither to root nor to the file's owner.
    real = Path.stat

    class Foreign:
        st_mode = 0o100600
        st_uid = 4242

    def stat(self: Path, **options: bool) -> object:
        return Foreign if self.name.endswith("-wal") else real(self, **options)

    monkeypatch.setattr(Path, "stat", stat)
    assert "belongs to another user" in str(exposure.find_exposure(path))
