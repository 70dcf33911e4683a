"""The doctor's check."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest
from umbral_chat._core.consumers.checks import consumer_check
from umbral_chat._core.settings.sections import ConsumerLimits

from ..feed.virtual import run  # noqa: TID252 - tests are no package
from .world import Recorder, World


def test_it_fails_when_a_consumer_has_as_many_dead_letters_as_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        world.limits = ConsumerLimits(tries=1, dead_letters=2)
        settings = SimpleNamespace(core=SimpleNamespace(consumers=world.limits))
        services = SimpleNamespace(base=SimpleNamespace(settings=settings), storage=SimpleNamespace(store=world.store))
        check = consumer_check(cast("Any", services))
        assert (await check.run()).skipped
        for name in ("a", "b"):
            recorder.refuses[name, 1] = ValueError()
        async with world.started(recorder) as instance:
            world.append("a", bus=instance.bus)
            await asyncio.sleep(5)
            found = await check.run()
            assert (found.ok, found.detail) == (True, "1 dead letters")
            world.append("b", bus=instance.bus)
            await asyncio.sleep(5)
            found = await check.run()
            assert not found.ok
            assert "recorder" in found.detail

    with caplog.at_level(logging.CRITICAL):
        run(main())
