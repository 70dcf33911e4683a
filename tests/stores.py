"""The store that whole-service tests run on: a SQLite file, or with `pytest --on-supabase` the local Supabase."""

from __future__ import annotations

import json
import os
from pathlib import Path

VARIABLE = "UMBRAL_CHAT_TESTS_STORE"
"""Environment: settings for the store in JSON, as variables without their prefix; set for each test."""


def on_supabase() -> bool:
    """Whether this run is on Supabase."""
    return VARIABLE in os.environ


def store_variables(file: Path) -> dict[str, str]:
    """Settings, as variables without `UMBRAL_CHAT_`, for the store of a service: this file, unless Supabase is."""
    given = os.environ.get(VARIABLE)
    found: dict[str, str] = {"CORE__DATABASE": str(file)} if given is None else json.loads(given)
    return found


def store_name() -> str:
    """As the API names it."""
    return "supabase" if on_supabase() else "sqlite"


__all__ = ["VARIABLE", "on_supabase", "store_name", "store_variables"]
