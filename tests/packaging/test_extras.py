"""Without the extra nothing of Supabase is there, and asking for it says what to install; with it, it is."""

from __future__ import annotations

import pytest

from .conftest import Environment

pytestmark = pytest.mark.slow

INSTALL = "pip install 'umbral-chat[realtime]'"
URL = "https://abcdefghijklmnopqrst.supabase.co"


def test_without_the_extra_supabase_is_not_even_importable(slim: Environment) -> None:
    for module in ("supabase", "postgrest", "realtime", "psycopg", "umbral_chat_realtime_supabase"):
        assert "ModuleNotFoundError" in slim.fails("python", "-c", f"import {module}")


@pytest.mark.parametrize(
    ("command", "environ"),
    [
        (["serve", "--port", "0"], {"UMBRAL_CHAT_SUPABASE__URL": URL}),
        (["config"], {"UMBRAL_CHAT_SUPABASE__URL": URL}),
        (["serve", "--port", "0"], {"UMBRAL_CHAT_CORE__HISTORY": "supabase"}),
        (["supabase", "migrate"], {}),
        (["supabase", "--help"], {}),
    ],
)
def test_asking_for_it_says_which_extra_to_install(
    slim: Environment, command: list[str], environ: dict[str, str]
) -> None:
    assert INSTALL in slim.fails("umbral-chat", *command, **environ)


def test_a_file_that_has_the_section_says_so_too(slim: Environment) -> None:
    file = slim.folder / "supabase.toml"
    file.write_text(f'[supabase]\nurl = "{URL}"\n', encoding="utf-8")
    assert INSTALL in slim.fails("umbral-chat", "serve", "--port", "0", "--config", str(file))


def test_with_the_extra_it_is_there_and_nothing_of_it_is_imported_unasked(with_realtime: Environment) -> None:
    assert "supabase" in with_realtime.run("umbral-chat", "plugins")
    printed = with_realtime.run("umbral-chat", "supabase", "sql")
    assert "create table if not exists public.umbral_chat_entries" in printed
    assert printed.rstrip().endswith("notify pgrst, 'reload schema';")
    loaded = with_realtime.run(
        "python",
        "-c",
        "import sys; from umbral_chat._core.plugins import boot; from umbral_chat._core.app import create_app; "
        "create_app(*boot(None, {})); print([name for name in ('supabase', 'psycopg') if name in sys.modules])",
    )
    assert loaded.strip() == "[]"
