"""What the doctor says of a chat's access to n8n's executions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from umbral_chat.providers.edges import CheckResult
from umbral_chat_n8n_bridge.plugin import umbral_chat_checks

from plugins.n8n_bridge.tests.n8n_api import KEY, WORKFLOW
from plugins.n8n_bridge.tests.rig import Rig, rig


async def result(it: Rig) -> CheckResult:
    (check,) = umbral_chat_checks(it.client.app.state.services)
    assert check.name == "n8n executions of support"
    return await check.run()


async def test_a_chat_without_a_key_has_none(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        assert list(umbral_chat_checks(it.client.app.state.services)) == []


async def test_all_is_well(tmp_path: Path) -> None:
    async with rig(tmp_path, asks=True, api_key=KEY, workflow_id=WORKFLOW) as it:
        assert (await result(it)).ok


@pytest.mark.parametrize(
    ("chat", "settings", "down", "mend"),
    [
        ({"api_key": "another-key-for-tests-0001"}, None, False, "api_key"),
        ({"workflow_id": "wf2"}, None, False, "workflow_id"),
        ({}, {}, False, "Save"),
        ({}, None, True, "running"),
    ],
)
async def test_each_failure_has_its_mend(
    tmp_path: Path, chat: dict[str, Any], settings: dict[str, Any] | None, down: bool, mend: str
) -> None:
    async with rig(tmp_path, asks=True, **{"api_key": KEY, "workflow_id": WORKFLOW, **chat}) as it:
        if settings is not None:
            it.n8n.api.workflow["settings"] = settings
        it.n8n.api.down = down
        found = await result(it)
        assert not found.ok
        assert mend in str(found.mend)
        assert KEY not in f"{found.detail}{found.mend}"
