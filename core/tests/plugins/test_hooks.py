"""Every hook is called through its typed method with what its spec names; each has a test of its name."""

from __future__ import annotations

from typing import Any, cast

import pytest
import rich_click as click
from litestar import get, post
from umbral_chat import hookimpl
from umbral_chat._core.plugins.relay import specs
from umbral_chat.context import Base, Services
from umbral_chat.errors import PluginError, SettingsError
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.edges import Check, CheckResult, Offer
from umbral_chat.settings import Section

from .conftest import HostOf
from .fakes import storage, whole

BASE = cast("Base", object())
SERVICES = cast("Services", object())
PRINCIPAL = Principal(kind="local", subject="local", rights=frozenset())


STORAGE = storage("sqlite")


class One(Section, frozen=True):
    interval: int = 1


class Recorder:
    """A plugin with one hook, which keeps what it was called with."""

    def __init__(self, hook: str, result: Any) -> None:
        self.calls: list[dict[str, object]] = []

        def answer(**given: object) -> object:
            self.calls.append(given)
            return result() if getattr(result, "raises", False) else result

        # Made from the spec, so that a hook that gains a parameter is called with it here too.
        parameters = specs()[hook]
        handed = ", ".join(f"{name}={name}" for name in parameters)
        source = f"lambda {', '.join(parameters)}: answer({handed})"
        setattr(self, hook, hookimpl(eval(source, {"answer": answer})))  # noqa: S307 - our own parameters' names


def raising(message: str) -> Any:
    def fail() -> None:
        raise RuntimeError(message)

    fail.raises = True  # type: ignore[attr-defined]
    return fail


def test_hook_umbral_chat_settings(host_of: HostOf) -> None:
    plugin = Recorder("umbral_chat_settings", One)
    assert host_of(one=plugin).sections() == {"one": One}
    assert plugin.calls == [{}]


def test_hook_umbral_chat_history(host_of: HostOf) -> None:
    mine = storage("pg")
    plugin = Recorder("umbral_chat_history", mine)
    host = host_of(one=plugin, none=Recorder("umbral_chat_history", None))
    assert host.storages(BASE) == [("one", mine)]
    assert host.select_storage(BASE, None) is mine
    assert plugin.calls[0] == {"base": BASE}


def test_hook_umbral_chat_transport(host_of: HostOf) -> None:
    low, high, tie = (whole("transport", name, rank) for name, rank in (("a", 0), ("z", 10), ("b", 0)))
    plugin = Recorder("umbral_chat_transport", low)
    host = host_of(low=plugin, high=Recorder("umbral_chat_transport", high), tie=Recorder("umbral_chat_transport", tie))
    assert host.transports(BASE, STORAGE) == [high, low, tie]
    assert plugin.calls == [{"base": BASE, "storage": STORAGE}]


def test_hook_umbral_chat_presence(host_of: HostOf) -> None:
    mine = whole("presence", "here")
    plugin = Recorder("umbral_chat_presence", mine)
    host = host_of(one=plugin)
    assert host.presence(BASE, STORAGE, None) is mine
    assert host.presence(BASE, STORAGE, "here") is mine
    assert plugin.calls[0] == {"base": BASE, "storage": STORAGE}
    assert host_of(none=Recorder("umbral_chat_presence", None)).presence(BASE, STORAGE, None) is None


def test_hook_umbral_chat_authenticator(host_of: HostOf) -> None:
    late, early = whole("authenticator", "late", 9), whole("authenticator", "early", 1)
    plugin = Recorder("umbral_chat_authenticator", late)
    host = host_of(a=plugin, b=Recorder("umbral_chat_authenticator", early))
    assert host.authenticators(BASE, STORAGE) == [early, late]
    assert plugin.calls == [{"base": BASE, "storage": STORAGE}]


@get("/x")
async def read_x() -> None: ...


@post("/x")
async def write_x() -> None: ...


@get(["/y", "/x"])
async def read_y() -> None: ...


def test_hook_umbral_chat_routes(host_of: HostOf) -> None:
    plugin = Recorder("umbral_chat_routes", [read_x])
    host = host_of(a=plugin, b=Recorder("umbral_chat_routes", (write_x,)))
    assert host.routes(SERVICES) == [read_x, write_x]
    assert plugin.calls == [{"services": SERVICES}]


def test_hook_umbral_chat_offers(host_of: HostOf) -> None:
    slow, quick = Offer(edge="poll", rank=0, url="/a"), Offer(edge="stream", rank=5, url="/b")
    plugin = Recorder("umbral_chat_offers", [slow])
    host = host_of(a=plugin, b=Recorder("umbral_chat_offers", [quick]))
    assert host.offers(SERVICES, "room", PRINCIPAL) == [quick, slow]
    assert plugin.calls == [{"services": SERVICES, "conversation": "room", "principal": PRINCIPAL}]


def test_hook_umbral_chat_consumers(host_of: HostOf) -> None:
    mine = whole("consumers", "bridge")
    plugin = Recorder("umbral_chat_consumers", [mine])
    assert host_of(a=plugin).consumers(SERVICES) == [mine]
    assert plugin.calls == [{"services": SERVICES}]


def test_the_hook_for_consumers_may_return_sources_and_abilities_are_checked(host_of: HostOf) -> None:
    class Source:
        name = "source"

        async def run(self, consumers: object) -> None: ...

    class Broken:
        name = "broken"

        async def handle(self, conversation: str, epoch: str, entry: object) -> None: ...

        def handle_end(self, conversation: str, end: object) -> None: ...

    source = Source()
    assert host_of(a=Recorder("umbral_chat_consumers", [source])).consumers(SERVICES) == [source]
    with pytest.raises(PluginError, match="whose handle_end is not async"):
        host_of(a=Recorder("umbral_chat_consumers", [Broken()])).consumers(SERVICES)


async def well() -> CheckResult:
    return CheckResult(ok=True, detail="fine")


def test_hook_umbral_chat_checks(host_of: HostOf) -> None:
    check = Check("mine", well)
    plugin = Recorder("umbral_chat_checks", [check])
    assert host_of(a=plugin).checks(SERVICES) == [check]
    assert plugin.calls == [{"services": SERVICES}]


@click.command("mine")
def mine_command() -> None: ...


def test_hook_umbral_chat_commands(host_of: HostOf) -> None:
    plugin = Recorder("umbral_chat_commands", [mine_command])
    assert host_of(a=plugin).commands() == [mine_command]
    assert plugin.calls == [{}]


def test_every_hook_has_a_test_of_its_name() -> None:
    assert {name for name in globals() if name.startswith("test_hook_")} == {f"test_hook_{hook}" for hook in specs()}


CALLS: dict[str, Any] = {
    "settings": lambda host: host.sections(),
    "history": lambda host: host.storages(BASE),
    "transport": lambda host: host.transports(BASE, STORAGE),
    "presence": lambda host: host.presence(BASE, STORAGE, None),
    "authenticator": lambda host: host.authenticators(BASE, STORAGE),
    "routes": lambda host: host.routes(SERVICES),
    "consumers": lambda host: host.consumers(SERVICES),
    "offers": lambda host: host.offers(SERVICES, "room", PRINCIPAL),
    "checks": lambda host: host.checks(SERVICES),
    "commands": lambda host: host.commands(),
}
LENIENT: dict[str, list[Any]] = {
    "offers": [Offer(edge="poll", rank=0, url="/")],
    "checks": [Check("mine", well)],
    "commands": [mine_command],
}


@pytest.mark.parametrize("kind", sorted(CALLS.keys() - LENIENT.keys()))
@pytest.mark.parametrize("result", [raising("no luck"), 7], ids=["raises", "a number"])
def test_a_hook_that_fails_is_named_with_its_plugin_and_the_mend(host_of: HostOf, kind: str, result: object) -> None:
    host = host_of(bad=Recorder(f"umbral_chat_{kind}", result))
    with pytest.raises(PluginError, match=rf"Plugin 'bad', hook umbral_chat_{kind}: .*disabled_plugins = \[\"bad\"\]"):
        CALLS[kind](host)
    assert not host.statuses[0].well


@pytest.mark.parametrize("kind", sorted(LENIENT))
@pytest.mark.parametrize("result", [raising("no luck"), [7], 7, "text"], ids=["raises", "wrong item", "number", "text"])
def test_a_failing_offer_check_or_command_is_told_and_the_others_go_on(
    host_of: HostOf, kind: str, result: object, caplog: pytest.LogCaptureFixture
) -> None:
    hook = f"umbral_chat_{kind}"
    host = host_of(bad=Recorder(hook, result), good=Recorder(hook, LENIENT[kind]))
    for _ in range(3):
        assert CALLS[kind](host) == LENIENT[kind]
    assert [status.well for status in host.statuses] == [False, True]
    assert hook in host.statuses[0].faults[0]
    # Told once, however often it fails: offers are asked for at each connect.
    assert [record.levelname for record in caplog.records if "'bad'" in record.message] == ["ERROR"]


def test_an_offer_that_works_again_clears_its_fault(host_of: HostOf) -> None:
    results: list[Any] = [7]
    host = host_of(moody=Recorder("umbral_chat_offers", results))
    host.offers(SERVICES, "room", PRINCIPAL)
    assert not host.statuses[0].well
    results[:] = [Offer(edge="poll", rank=0, url="/")]
    assert host.offers(SERVICES, "room", PRINCIPAL) == LENIENT["offers"]
    assert host.statuses[0].well


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("transport", whole("transport", "same")),
        ("authenticator", whole("authenticator", "same")),
        ("presence", whole("presence", "same")),
        ("history", storage("same")),
        ("consumers", [whole("consumers", "same")]),
        ("commands", [mine_command]),
        ("routes", [read_x]),
    ],
)
def test_two_plugins_that_claim_one_thing_are_both_named(host_of: HostOf, kind: str, result: object) -> None:
    hook = f"umbral_chat_{kind}"
    host = host_of(one=Recorder(hook, result), two=Recorder(hook, result))
    call = CALLS[kind] if kind != "history" else lambda host: host.select_storage(BASE, None)
    with pytest.raises(PluginError, match=r"'one' and 'two' both claim .*disabled_plugins = \[\"two\"\] or .*\"one\""):
        call(host)


def test_a_path_with_another_method_is_another_route(host_of: HostOf) -> None:
    host = host_of(a=Recorder("umbral_chat_routes", [read_x, write_x]), b=Recorder("umbral_chat_routes", [read_y]))
    with pytest.raises(PluginError, match="both claim the route 'GET /x'"):
        host.routes(SERVICES)


@pytest.mark.parametrize(
    ("kind", "result", "call"),
    [
        ("authenticator", whole("authenticator", "tokens"), lambda host: host.authenticators(BASE, STORAGE)),
        ("history", storage("sqlite"), lambda host: host.select_storage(BASE, "sqlite")),
        ("commands", [mine_command], lambda host: host.commands(["mine"])),
    ],
)
def test_what_is_the_cores_own_cannot_be_claimed(host_of: HostOf, kind: str, result: object, call: Any) -> None:
    with pytest.raises(PluginError, match="is the core's own"):
        call(host_of(one=Recorder(f"umbral_chat_{kind}", result)))


def test_two_histories_need_a_choice_and_both_are_named_with_the_setting(host_of: HostOf) -> None:
    first, second = storage("pg"), storage("mysql")
    host = host_of(one=Recorder("umbral_chat_history", first), two=Recorder("umbral_chat_history", second))
    with pytest.raises(SettingsError, match=r"'pg' \(plugin 'one'\) and 'mysql' .*set core\.history to \"pg\" or"):
        host.select_storage(BASE, None)
    assert host.select_storage(BASE, "mysql") is second
    assert host.select_storage(BASE, "sqlite") is None
    with pytest.raises(SettingsError, match=r"core\.history is 'myslq', .*did you mean mysql\?"):
        host.select_storage(BASE, "myslq")


def test_two_presences_need_a_choice(host_of: HostOf) -> None:
    host = host_of(
        one=Recorder("umbral_chat_presence", whole("presence", "a")),
        two=Recorder("umbral_chat_presence", whole("presence", "b")),
    )
    with pytest.raises(SettingsError, match=r"set core\.presence"):
        host.presence(BASE, STORAGE, None)
    with pytest.raises(SettingsError, match=r"core\.presence is 'zzz'.*there is: a, b"):
        host.presence(BASE, STORAGE, "zzz")


class Thawed(Section, frozen=False):  # type: ignore[misc]
    pass


class Lax(Section, frozen=True, forbid_unknown_fields=False):
    pass


class Needy(Section, frozen=True):
    url: str


class Shouting(Section, frozen=True):
    URL: str = ""


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (dict, "which is not a subclass"),
        (One(), "which is not a subclass"),
        (Thawed, "must be frozen and forbid unknown fields"),
        (Lax, "must be frozen and forbid unknown fields"),
        (Needy, "'url' of Needy has no default"),
        (Shouting, "'URL' of Shouting must be lower-case"),
    ],
)
def test_a_section_that_cannot_be_read_is_refused(host_of: HostOf, kind: object, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        host_of(bad=Recorder("umbral_chat_settings", kind)).sections()


def test_a_coroutine_from_a_synchronous_hook_is_refused_and_not_left_behind(host_of: HostOf) -> None:
    class Sly:
        @hookimpl
        def umbral_chat_checks(self) -> Any:
            return well()

    host = host_of(sly=Sly())
    assert host.checks(SERVICES) == []
    assert "a coroutine" in host.statuses[0].faults[0]
