"""Reading settings: what wins, where each came from, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta
from umbral_chat._core.settings.effective import Settings
from umbral_chat._core.settings.environ import variable
from umbral_chat._core.settings.load import CORE_SECTIONS, disabled_plugins, load
from umbral_chat._core.settings.origin import Origin
from umbral_chat._core.settings.schema import leaves
from umbral_chat.errors import SettingsError
from umbral_chat.settings import Cache, Secret, Section

SECRET = "s3cr3t-that-nobody-may-see"


class Polling(Section, frozen=True):
    interval: Annotated[float, Meta(gt=0)] = 1.0
    max_interval: float = 5.0
    strategy: Literal["cursor", "snapshot"] = "cursor"
    tags: dict[str, int] = msgspec.field(default_factory=dict)
    token: Secret | None = None
    bounds: Cache = Cache()

    def __post_init__(self) -> None:
        if self.interval > self.max_interval:
            raise ValueError("interval is above max_interval.")


SECTIONS: dict[str, type[Section]] = {"polling": Polling}
KEYS = [dotted for name, kind in {**CORE_SECTIONS, **SECTIONS}.items() for dotted, _ in leaves(kind, name)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def read(file: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    file.write_text(text, encoding="utf-8")
    return load(file, environ or {}, SECTIONS)


def refused(file: Path, text: str = "", **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(file, text, environ)
    return str(caught.value)


def test_without_file_or_variable_everything_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(None, {}, SECTIONS)
    assert (settings.core.port, settings.realtime.enabled, settings.telemetry.metrics) == (8750, None, True)
    assert settings.section("polling") == Polling()
    assert settings.file is None
    assert {setting.origin for setting in settings.effective()} == {Origin("default")}


def test_the_environment_wins_over_the_file_and_an_option_over_both(file: Path) -> None:
    file.write_text("[core]\nport = 1\nhost = 'localhost'\n[core.limits]\npage = 7\ndrafts = 3\n", encoding="utf-8")
    environ = {"UMBRAL_CHAT_CORE__PORT": "2", "UMBRAL_CHAT_CORE__LIMITS__PAGE": "9"}
    settings = load(file, environ, options={"core.port": 3, "core.host": None})
    assert (settings.core.port, settings.core.host) == (3, "localhost")
    assert (settings.core.limits.page, settings.core.limits.drafts) == (9, 3)
    assert settings.origin("core.port") == Origin("option", "--port")
    assert settings.origin("core.host") == Origin("file", str(file))
    assert settings.origin("core.limits.page") == Origin("environment", "UMBRAL_CHAT_CORE__LIMITS__PAGE")
    assert settings.origin("core.limits.readers") == Origin("default")


def test_the_file_is_the_named_one_else_the_variables_else_the_one_in_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, port in (("umbral-chat.toml", 1), ("other.toml", 2), ("named.toml", 3)):
        Path(name).write_text(f"[core]\nport = {port}\n", encoding="utf-8")
    assert load(None, {}).core.port == 1
    assert load(None, {"UMBRAL_CHAT_CONFIG": "other.toml"}).core.port == 2
    assert load("named.toml", {"UMBRAL_CHAT_CONFIG": "other.toml"}).core.port == 3


@pytest.mark.parametrize("environ", [{}, {"UMBRAL_CHAT_CONFIG": "absent.toml"}])
def test_a_file_that_was_named_and_is_not_there_is_an_error(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"no settings file absent\.toml"):
        load(None if environ else "absent.toml", environ)


def test_a_file_from_an_editor_that_writes_a_byte_order_mark_is_read(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf[core]\nport = 5\n")
    assert load(file, {}).core.port == 5


@pytest.mark.parametrize(
    ("content", "said"), [(b"[core\n", "is not TOML: .*line 1"), (b"[core]\nhost='\xff'", r"is not UTF-8 \(byte 13\)")]
)
def test_a_file_that_cannot_be_understood_is_named(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        load(file, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[cor]", "Unknown section [cor] (file FILE): did you mean core?"),
        ("[core]\nprot = 1", "Unknown setting core.prot (file FILE): did you mean core.port?"),
        ("[core.limits]\npages = 1", "Unknown setting core.limits.pages (file FILE): did you mean core.limits.page?"),
        ("[core]\nstrategy = 1", "Unknown setting core.strategy (file FILE): did you mean polling.strategy?"),
        ("[polling]\nzzz = 1", "Unknown setting polling.zzz (file FILE); [polling] has: bounds, interval, "),
        ("port = 1", "port (file FILE) is outside of a section"),
        ("core = 1", "[core] (file FILE) must be a table of settings, not int."),
        ("[core]\nlimits = 1", "[core.limits] (file FILE) must be a table of settings, not int."),
        ("[core]\nport = '1'", "core.port is '1' (file FILE): it must be a whole number from 0 to 65535."),
        ("[core]\nport = 65536", "core.port is 65536 (file FILE): it must be a whole number from 0 to 65535."),
        ("[core]\nlog_level = 'loud'", "core.log_level is 'loud' (file FILE): it must be one of debug, "),
        ("[core]\ncors_origins = ['a', 1]", "core.cors_origins[1] is ['a', 1] (file FILE): it must be a list of texts"),
        ("[polling]\ninterval = nan", "polling.interval is nan (file FILE): it must be a number above 0"),
        ("[polling]\nmax_interval = inf", "polling.max_interval is inf (file FILE): it must be a number."),
        ("[polling]\ninterval = 9", "[polling] (file FILE): interval is above max_interval."),
        ("[telemetry]\nmetrics = 'yes'", "telemetry.metrics is 'yes' (file FILE): it must be true or false."),
    ],
)
def test_a_wrong_setting_in_the_file_is_named_with_what_is_right(file: Path, text: str, said: str) -> None:
    assert said.replace("FILE", str(file)) in refused(file, text)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CORE__PORT", "many", "core.port is 'many' (environment NAME): it must be a whole number from 0 to 65535."),
        ("CORE__PORT", "", "core.port is empty (environment NAME): it must be a whole number"),
        ("CORE__PORT", "-1", "core.port is -1 (environment NAME): it must be a whole number from 0 to 65535."),
        ("REALTIME__ENABLED", "maybe", "realtime.enabled is 'maybe' (environment NAME): it must be true or false"),
        ("POLLING__INTERVAL", "nan", "polling.interval is nan (environment NAME)"),
        ("POLLING__STRATEGY", "both", "polling.strategy is 'both' (environment NAME): it must be one of cursor, snap"),
        ("CORE__CORS_ORIGINS", "https://a", "core.cors_origins (environment NAME) is not JSON"),
        ("CORE__CORS_ORIGINS", '"https://a"', "core.cors_origins is 'https://a' (environment NAME): it must be a list"),
        ("CORE__LIMITS", "[]", "[core.limits] (environment NAME) must be a table"),
        ("CORE__PROT", "1", "in the environment: NAME: did you mean UMBRAL_CHAT_CORE__PORT (core.port)?"),
        ("PORT", "1", "in the environment: NAME: did you mean UMBRAL_CHAT_CORE__PORT (core.port)?"),
        ("CORE", "1", "Unknown setting in the environment: NAME"),
        ("QQQ", "1", "sections: core, realtime, runs, telemetry, polling"),
        ("CORE__PORT__LOW", "1", "core.port has no keys inside; it must be a whole number"),
        ("COR__PORT", "1", "Unknown section [cor] (NAME): did you mean core?"),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_right(file: Path, name: str, value: str, said: str) -> None:
    name = f"UMBRAL_CHAT_{name}"
    assert said.replace("NAME", name) in refused(file, **{name: value})


@pytest.mark.parametrize(
    ("name", "value", "key", "expected"),
    [
        ("CORE__HOST", "8", "core.host", "8"),
        ("CORE__HISTORY", "", "core.history", None),
        ("CORE__KEYS", "[]", "core.keys", []),
        ("CORE__CORS_ORIGINS", '["https://a"]', "core.cors_origins", ["https://a"]),
        ("CORE__SHUTDOWN_TIMEOUT", "3", "core.shutdown_timeout", 3.0),
        ("CORE__LIMITS", '{"page": 4}', "core.limits.page", 4),
        ("REALTIME__ENABLED", "Off", "realtime.enabled", False),
        ("TELEMETRY__HTTP", "1", "telemetry.http", True),
        ("POLLING__TAGS", '{"a": 1}', "polling.tags", {"a": 1}),
        ("POLLING__TOKEN", SECRET, "polling.token", "********"),
    ],
)
def test_a_variable_is_read_as_its_setting_has_it(
    file: Path, name: str, value: str, key: str, expected: object
) -> None:
    name = f"UMBRAL_CHAT_{name}"
    settings = read(file, "", {name: value})
    assert {s.key: (s.value, s.origin) for s in settings.effective()}[key] == (
        expected,
        Origin("environment", name),
    )


def test_a_variable_inside_a_table_wins_over_one_of_the_whole_table(file: Path) -> None:
    environ = {
        "UMBRAL_CHAT_CORE__LIMITS__PAGE": "9",
        "UMBRAL_CHAT_CORE__LIMITS": '{"page": 4, "drafts": 5}',
    }
    limits = read(file, "", environ).core.limits
    assert (limits.page, limits.drafts) == (9, 5)


def test_what_the_client_and_kubernetes_put_into_the_environment_is_no_setting(file: Path) -> None:
    environ = {
        "UMBRAL_CHAT_URL": "http://127.0.0.1",
        "UMBRAL_CHAT_KEY": SECRET,
        "UMBRAL_CHAT_SERVICE_HOST": "10.0.0.1",
        "UMBRAL_CHAT_SERVICE_PORT_HTTP": "80",
        "UMBRAL_CHAT_PORT": "tcp://10.0.0.1:80",
        "UMBRAL_CHAT_PORT_80_TCP_ADDR": "10.0.0.1",
        "UMBRAL_CHAT_CACHE_SERVICE_PORT": "6379",
        "OTHER": "1",
    }
    assert read(file, "", environ).origins == {}


@pytest.mark.parametrize("source", ["file", "environment"])
def test_the_section_of_a_plugin_of_ours_that_is_not_installed_names_its_extra(file: Path, source: str) -> None:
    text, environ = ("[supabase]\nurl = 'x'", {}) if source == "file" else ("", {"UMBRAL_CHAT_SUPABASE__URL": "x"})
    said = refused(file, text, **environ)
    assert "umbral-chat-realtime-supabase, which is not installed: pip install 'umbral-chat[realtime]'" in said


def test_the_section_of_a_plugin_that_is_installed_and_not_active_is_accepted(file: Path) -> None:
    file.write_text("[supabase]\nanything = 1\n", encoding="utf-8")
    settings = load(file, {"UMBRAL_CHAT_SUPABASE__URL": "x"}, SECTIONS, inactive=["supabase"])
    assert "supabase" not in settings.sections()
    with pytest.raises(SettingsError, match=r"no section \[supabase\]"):
        settings.section("supabase")


def test_a_section_is_typed_on_demand() -> None:
    settings = load(None, {}, SECTIONS)
    assert settings.section("polling", Polling).bounds.entries == 200
    with pytest.raises(SettingsError, match="is a Polling, not a Cache"):
        settings.section("polling", Cache)


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        (f"[polling]\ntoken = ['{SECRET}']", {}),
        (f"[core]\nkeys = ['{SECRET}']", {}),
        (f"[core]\nkeys = '{SECRET}'", {}),
        (f"[core]\ntoken_secrets = [1, '{SECRET}']", {}),
        (f"[[core.keys]]\nname = 'a'\nsha256 = '{SECRET}'", {}),
        (f"[[core.keys]]\nname = 'a'\nkey = '{SECRET}'\nsha256 = '{'0' * 64}'", {}),
        (f"[[core.keys]]\nname = 'a'\nkye = '{SECRET}'", {}),
        (f"[[core.keys]]\nkey = '{SECRET}'", {}),
        (f"[[core.keys]]\nname = 'a'\nkey = '{SECRET} '", {}),
        (f"[core]\nkey = '{SECRET}'", {}),
        ("", {"UMBRAL_CHAT_CORE__KEYS": SECRET}),
        ("", {"UMBRAL_CHAT_CORE__KEYS": f'[{{"name": "a", "key": "{SECRET}"'}),
        ("", {"UMBRAL_CHAT_CORE__TOKEN_SECRETS": f'"{SECRET}"'}),
        ("", {"UMBRAL_CHAT_CORE__KEEY": SECRET}),
        ("", {"UMBRAL_CHAT_TOKEN": SECRET}),
    ],
)
def test_no_error_repeats_a_secret(file: Path, text: str, environ: dict[str, str]) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(file, environ, SECTIONS)
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__


def test_no_view_of_the_settings_shows_a_secret(file: Path) -> None:
    settings = read(
        file,
        f"[core]\ntoken_secrets = ['{SECRET}']\nkeys = [{{name = 'a', key = '{SECRET}'}}, "
        f"{{name = 'b', sha256 = '{'ab' * 32}'}}]\n[polling]\ntoken = '{SECRET}'",
    )
    shown = repr(settings) + repr(list(settings.effective()))
    assert SECRET not in shown
    assert "abab" not in repr(list(settings.effective()))
    assert {s.key: s.value for s in settings.effective()}["core.keys"] == [
        {"name": "a", "key": "********", "rights": ["*"]},
        {"name": "b", "sha256": "********", "rights": ["*"]},
    ]


def test_disabled_plugins_are_known_before_any_section_is(file: Path) -> None:
    file.write_text("[core]\nport = 'wrong'\ndisabled_plugins = ['a']\n[never_heard_of]\n", encoding="utf-8")
    assert disabled_plugins(file, {}) == (["a"], Origin("file", str(file)))
    name = "UMBRAL_CHAT_CORE__DISABLED_PLUGINS"
    assert disabled_plugins(file, {name: '["b"]'}) == (["b"], Origin("environment", name))
    with pytest.raises(SettingsError, match=r"core\.disabled_plugins is 'b'"):
        disabled_plugins(file, {name: '"b"'})


@given(st.sampled_from(KEYS), st.text())
def test_any_text_in_any_variable_is_taken_or_refused_by_name(dotted: str, text: str) -> None:
    name = variable(dotted)
    try:
        said = str(load(None, {name: text}, SECTIONS).origin(dotted))
    except SettingsError as error:
        said = str(error)
    assert name in said


@pytest.mark.parametrize("levels", [40, 300, 970, 5_000])
def test_what_is_nested_too_deep_is_refused_by_name(file: Path, levels: int) -> None:
    lists, tables = "[" * levels + "]" * levels, "{a=" * levels + "1" + "}" * levels
    dotted = ".".join(["a"] * levels)
    for text in (
        f"[polling]\ntags = {lists}",
        f"[polling]\ntags = {tables}",
        f"[polling.tags]\n{dotted} = 1",
        f"[polling.tags.{dotted}]\nb = 1",
        f"polling = {lists}",
    ):
        said = refused(file, text)
        assert "nested deeper than 32 levels" in said
        assert str(file) in said
    json = '{"a":' * levels + "1" + "}" * levels
    for value in (lists, json, "[" * 3 * levels):
        said = refused(file, "", UMBRAL_CHAT_POLLING__TAGS=value)
        assert "polling.tags (environment UMBRAL_CHAT_POLLING__TAGS) is nested deeper than 32 levels" in said
