"""A provider that lacks something is refused at start, by plugin, hook and attribute."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any, cast

import pytest
import rich_click as click
from litestar import Router, get
from umbral_chat import Check, CheckResult, Consumer, Offer, StandsBy, Transport, hookimpl
from umbral_chat._core.plugins.host import PluginHost
from umbral_chat._core.plugins.interface_checks import interface_fault
from umbral_chat.context import Base, Services
from umbral_chat.errors import PluginError
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.history import Storage
from umbral_chat.providers.transport import Announces

from .conftest import HostOf
from .fakes import KINDS, methods_of, storage, whole

BASE, SERVICES = cast("Base", object()), cast("Services", object())
PRINCIPAL = Principal(kind="local", subject="local", rights=frozenset())
STORAGE = storage("sqlite")


MANY = {"consumers", "routes", "checks", "offers", "commands"}


class Gives:
    """A plugin whose one hook gives this."""

    def __init__(self, hook: str, result: Any) -> None:
        given = [result] if hook in MANY else result
        setattr(self, f"umbral_chat_{hook}", hookimpl(lambda: given))


def start(host: PluginHost, hook: str) -> Any:
    """What the app does at its start with this hook."""
    calls: dict[str, Any] = {
        "history": lambda: host.select_storage(BASE, None),
        "transport": lambda: host.transports(BASE, STORAGE),
        "presence": lambda: host.presence(BASE, STORAGE, None),
        "authenticator": lambda: host.authenticators(BASE, STORAGE),
        "consumers": lambda: host.consumers(SERVICES),
        "routes": lambda: host.routes(SERVICES),
        "checks": lambda: host.checks(SERVICES),
        "offers": lambda: host.offers(SERVICES, "room", PRINCIPAL),
        "commands": host.commands,
    }
    return calls[hook]()


def refusal(host_of: HostOf, hook: str, result: Any) -> str:
    """What is said when a plugin's hook gives this."""
    with pytest.raises(PluginError) as raised:
        start(host_of(acme=Gives(hook, result)), hook)
    said = str(raised.value)
    assert f"Plugin 'acme', hook umbral_chat_{hook}: " in said
    assert 'disabled_plugins = ["acme"]' in said
    return said


def made(kind: str, **how: Any) -> tuple[str, Any]:
    """The hook that gives this kind, and what it gives."""
    if kind in {"history", "store"}:
        return "history", storage("acme", **{kind: whole(kind, **how)})
    return kind, whole(kind, **how)


METHODS = [(kind, method) for kind in KINDS for method in methods_of(kind)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_whole_is_taken(host_of: HostOf, kind: str) -> None:
    hook, result = made(kind)
    start(host_of(acme=Gives(hook, result)), hook)


@pytest.mark.parametrize(("kind", "method"), METHODS)
def test_a_missing_method_is_named(host_of: HostOf, kind: str, method: str) -> None:
    assert f"which has no {method}: it needs `" in refusal(host_of, *made(kind, without=method))


@pytest.mark.parametrize(("kind", "method"), METHODS)
def test_a_method_that_waits_where_it_must_not_or_the_other_way_round_is_named(
    host_of: HostOf, kind: str, method: str
) -> None:
    async def waits(*_: object, **__: object) -> None: ...

    def returns(*_: object, **__: object) -> None: ...

    stub = getattr(KINDS[kind], method)
    is_async = bool(stub.__code__.co_flags & 0x80)
    said = refusal(host_of, *made(kind, **{method: returns if is_async else waits}))
    assert f"whose {method} is {'not ' if is_async else ''}async" in said
    assert f"def {method}(" in said


@pytest.mark.parametrize(("kind", "method"), METHODS)
def test_a_method_that_takes_other_arguments_is_named(host_of: HostOf, kind: str, method: str) -> None:
    async def waits(self: object, one: object, two: object, three: object, four: object, five: object) -> None: ...

    def returns(self: object, one: object, two: object, three: object, four: object, five: object) -> None: ...

    is_async = bool(getattr(KINDS[kind], method).__code__.co_flags & 0x80)
    said = refusal(host_of, *made(kind, **{method: waits if is_async else returns}))
    assert f"whose {method} cannot be called as it will be" in said


@pytest.mark.parametrize(
    ("kind", "attribute", "value"),
    [
        *(
            (kind, "name", value)
            for kind in ("transport", "presence", "authenticator", "consumers")
            for value in (7, "")
        ),
        *((kind, "rank", value) for kind in ("transport", "presence", "authenticator") for value in ("1", None, True)),
        ("transport", "state", "live"),
        ("presence", "lifespan", None),
    ],
)
def test_an_attribute_of_another_type_is_named(host_of: HostOf, kind: str, attribute: str, value: object) -> None:
    assert f"whose {attribute} is {value!r} and not " in refusal(
        host_of, kind, whole(kind, **cast("Any", {attribute: value}))
    )
    assert f"which has no {attribute}" in refusal(host_of, kind, whole(kind, without=attribute))


PARTS: dict[str, Any] = {
    "name": "acme",
    "history": whole("history"),
    "store": whole("store"),
    "lifespan": nullcontext(),
}


@pytest.mark.parametrize(("part", "value"), [("name", 7), ("lifespan", None), ("history", None), ("store", object())])
def test_a_part_of_a_storage_is_named(host_of: HostOf, part: str, value: object) -> None:
    said = refusal(host_of, "history", Storage(**{**PARTS, part: value}))
    assert {"name": "whose name is 7", "lifespan": "whose lifespan is None"}.get(part, type(value).__name__) in said


def test_an_attribute_that_raises_is_named(host_of: HostOf) -> None:
    def broken(_: object) -> object:
        raise RuntimeError("no luck")

    said = refusal(host_of, "transport", whole("transport", state=property(broken)))
    assert "whose state raised RuntimeError: no luck" in said


@pytest.mark.parametrize("kind", ["transport", "presence", "authenticator", "consumers"])
def test_a_class_instead_of_an_instance_is_named(host_of: HostOf, kind: str) -> None:
    assert "the class Mine: give an instance of it" in refusal(host_of, kind, type(whole(kind)))


def test_a_method_that_is_inherited_from_the_interface_is_missing(host_of: HostOf) -> None:
    class Forgetful(Consumer):
        name = "forgetful"

    assert "which has no handle" in refusal(host_of, "consumers", cast("Any", Forgetful)())


@pytest.mark.parametrize(("ability", "method"), [(StandsBy, "stand_by"), (Announces, "announce")], ids=str)
def test_an_ability_by_half_is_named(host_of: HostOf, ability: type, method: str) -> None:
    said = refusal(host_of, "transport", whole("transport", **cast("Any", {method: None})))
    assert f"no {method}: it needs `" in said

    class Half(Transport, ability):  # type: ignore[misc]  # chosen by the parameter
        pass

    assert interface_fault(Half(), ability) is not None
    assert "authorize" in refusal(host_of, "authenticator", whole("authenticator", authorize=lambda *_: None))


def logged(function: Any) -> Any:
    """A decorator as people write them: it names what it wraps."""

    @functools.wraps(function)
    def call(*positional: Any, **named: Any) -> Any:
        return function(*positional, **named)

    return call


class Called:
    """An object that is called like a coroutine function."""

    async def __call__(self, conversation: str, epoch: str, entry: object) -> None: ...


async def handle(_: object, conversation: str, epoch: str, entry: object) -> None: ...


@pytest.mark.parametrize(
    "method",
    [
        logged(handle),
        Called(),
        functools.partial(handle, None),
        staticmethod(functools.partial(handle, None)),
    ],
    ids=["decorated", "an object", "partial", "static"],
)
def test_every_way_to_write_a_coroutine_is_taken(host_of: HostOf, method: Any) -> None:
    start(host_of(acme=Gives("consumers", whole("consumers", handle=method))), "consumers")


def test_events_may_be_an_async_generator(host_of: HostOf) -> None:
    async def events(_: object) -> AsyncIterator[None]:
        yield None

    start(host_of(acme=Gives("transport", whole("transport", events=events))), "transport")


async def well() -> CheckResult:
    return CheckResult(ok=True, detail="fine")


def sick() -> CheckResult:
    return CheckResult(ok=False, detail="not async")


async def picky(services: object) -> CheckResult:
    return CheckResult(ok=True, detail=f"{services}")


async def never_run() -> None: ...


LENIENT: list[tuple[str, Any, str]] = [
    ("checks", Check("mine", cast("Any", sick)), "the check 'mine', whose `run` is not async"),
    ("checks", Check("mine", cast("Any", picky)), "the check 'mine', whose `run` cannot be called with ()"),
    ("checks", Check("mine", cast("Any", None)), "whose `run` is not callable"),
    ("checks", Check(cast("Any", 7), well), "a Check whose name is 7"),
    ("checks", Check("mine", well, seconds=cast("Any", "long")), "a Check whose seconds is 'long'"),
    ("offers", Offer(edge="poll", rank=cast("Any", "high"), url="/"), "an Offer whose rank is 'high'"),
    ("offers", Offer(edge="poll", rank=1, url=cast("Any", None)), "an Offer whose url is None"),
    ("commands", click.Command("mine", callback=cast("Any", never_run)), "the command 'mine', which is async"),
    (
        "commands",
        click.Group("all", commands=[click.Command("inner", callback=cast("Any", never_run))]),
        "the command 'inner', which is async",
    ),
]


@pytest.mark.parametrize(("hook", "result", "fault"), LENIENT)
def test_of_checks_offers_and_commands_the_fault_is_told(host_of: HostOf, hook: str, result: Any, fault: str) -> None:
    host = host_of(acme=Gives(hook, result))
    assert start(host, hook) == []
    assert fault in host.statuses[0].faults[0]


@get("/mine", opt={"right": "read"})
async def mine() -> None: ...


def test_what_is_no_route_is_named(host_of: HostOf) -> None:
    async def plain() -> None: ...

    for wrong in (plain, "text", None, object):
        assert "which is not a route handler" in refusal(host_of, "routes", wrong)
    for right in (mine, Router("/r", route_handlers=[mine])):
        assert start(host_of(acme=Gives("routes", right)), "routes") == [right]
