"""Every test of the server runs on the loop that it is served with, and on the standard library's."""

from __future__ import annotations

import sys
from typing import Any

import pytest

LOOPS = {"uvloop": ("asyncio", {"use_uvloop": True}), "asyncio": ("asyncio", {"use_uvloop": False})}
if sys.platform == "win32":
    del LOOPS["uvloop"]


@pytest.fixture(params=list(LOOPS.values()), ids=list(LOOPS))
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param
