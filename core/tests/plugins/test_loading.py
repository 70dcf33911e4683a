"""Loading: one plugin that is wrong is named with its reason and mend, and the others go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from umbral_chat import hookimpl
from umbral_chat._core.plugins import PluginHost, PluginStatus

from .conftest import HostOf, Packages

GOOD = "import umbral_chat\n@umbral_chat.hookimpl\ndef umbral_chat_commands():\n    return []\n"


def statuses(packages: Packages, *disabled: str, core: str = "0.1.0") -> dict[str, PluginStatus]:
    host = PluginHost.load(disabled, packages.entry_points, core)
    return {status.name: status for status in host.statuses}


def test_an_installed_plugin_is_active_with_its_package_and_what_it_provides(packages: Packages) -> None:
    packages.add("good", GOOD, version="2.3")
    assert statuses(packages)["good"] == PluginStatus(
        name="good", distribution="acme-good", version="2.3", state="active", provides=("commands",)
    )


def test_a_disabled_plugin_is_not_even_imported(packages: Packages) -> None:
    packages.add("good", GOOD)
    packages.add("other", GOOD)
    assert statuses(packages, "other")["other"].state == "disabled"
    assert packages.were_imported == ["good"]


@pytest.mark.parametrize(
    ("source", "reason", "mend"),
    [
        (
            "import absent_part",
            "ModuleNotFoundError: No module named 'absent_part'",
            "it needs is missing: absent_part",
        ),
        ("1 / 0", "ZeroDivisionError", "--force-reinstall acme-bad"),
        ("raise SystemExit('no')", "SystemExit: no", "--force-reinstall acme-bad"),
        ("def broken(:", "SyntaxError", 'core.disabled_plugins = ["bad"]'),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_named_and_the_others_go_on(
    packages: Packages, source: str, reason: str, mend: str
) -> None:
    packages.add("bad", source)
    packages.add("good", GOOD)
    found = statuses(packages)
    assert (found["bad"].state, found["good"].state) == ("broken", "active")
    assert reason in str(found["bad"].reason)
    assert mend in str(found["bad"].mend)


def test_a_plugin_whose_own_module_is_missing_is_to_be_reinstalled(packages: Packages) -> None:
    packages.add("bad", GOOD, value="acme_absent.plugin")
    assert str(statuses(packages)["bad"].mend).startswith("Reinstall it: pip install --force-reinstall acme-bad. ")


def test_an_entry_point_that_names_nothing_is_broken(packages: Packages) -> None:
    packages.add("bad", GOOD, value="acme_bad:absent")
    assert "AttributeError" in str(statuses(packages)["bad"].reason)


@pytest.mark.parametrize(
    ("requires", "state"),
    [
        (["umbral-chat-core==0.1.0"], "active"),
        (["Umbral_Chat.Core>=0.2"], "incompatible"),
        (["umbral-chat-core<0.1"], "incompatible"),
        (["umbral-chat-core>=0.0.9", "umbral-chat-core<0.1"], "incompatible"),
        (["umbral-chat-core>=9; extra == 'next'"], "active"),
        (["umbral-chat-core>=9; python_version < '3'"], "active"),
        (["httpx>=99"], "active"),
        ([], "active"),
    ],
)
def test_a_plugin_for_another_core_is_not_imported(packages: Packages, requires: Sequence[str], state: str) -> None:
    packages.add("good", GOOD, requires=requires)
    status = statuses(packages)["good"]
    assert status.state == state
    assert bool(packages.were_imported) == (state == "active")
    if state == "incompatible":
        assert str(status.reason).startswith("It needs core ")
        assert "pip install 'umbral-chat-core" in str(status.mend)


def test_a_pre_release_of_the_core_meets_what_asks_for_its_series(packages: Packages) -> None:
    packages.add("good", GOOD, requires=["umbral-chat-core>=0.1"])
    assert statuses(packages, core="0.2.0.dev1")["good"].state == "active"


def test_two_packages_with_one_plugin_name_are_both_refused(packages: Packages) -> None:
    packages.add("twin", GOOD, package="acme-one")
    packages.add("twin", GOOD, package="acme-two")
    found = PluginHost.load((), packages.entry_points).statuses
    assert [status.state for status in found] == ["broken", "broken"]
    assert all("acme-one and acme-two both claim" in str(status.reason) for status in found)
    assert packages.were_imported == []


@pytest.mark.parametrize("name", ["core", "telemetry", "Bad", "a__b", "a-b", "1a"])
def test_a_name_that_cannot_be_a_section_is_refused(packages: Packages, name: str) -> None:
    packages.add(name, GOOD, package="acme-named")
    assert statuses(packages)[name].state == "broken"


def umbral_chat_transprot(base: object) -> None: ...
async def umbral_chat_commands() -> None: ...
def umbral_chat_transport(base: object, *, storage: object) -> None: ...
def umbral_chat_history(*args: object) -> None: ...
def umbral_chat_presence(base: object, storage: object = None) -> None: ...
def umbral_chat_routes(service: object) -> None: ...
def umbral_chat_offers(servces: object) -> None: ...


def umbral_chat_checks(services: object) -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("function", "options", "said"),
    [
        (umbral_chat_transprot, {}, "umbral_chat_transprot is not a hook: did you mean umbral_chat_transport?"),
        (umbral_chat_commands, {}, "umbral_chat_commands is async: hooks are synchronous"),
        (umbral_chat_transport, {}, "umbral_chat_transport takes 'storage' by keyword only"),
        (umbral_chat_history, {}, "umbral_chat_history takes *args: 'object', which would stay empty"),
        (umbral_chat_presence, {}, "umbral_chat_presence has a default for 'storage'"),
        (umbral_chat_routes, {}, "umbral_chat_routes is not given 'service': did you mean services?"),
        (umbral_chat_checks, {"wrapper": True}, "umbral_chat_checks is a hook wrapper"),
        (umbral_chat_offers, None, "umbral_chat_offers is not marked with @umbral_chat.hookimpl"),
    ],
)
def test_what_pluggy_would_get_wrong_in_silence_is_refused(
    host_of: HostOf, function: Any, options: Any, said: str
) -> None:
    plugin = SimpleNamespace(**{function.__name__: function if options is None else hookimpl(**options)(function)})
    host = host_of(bad=plugin, good=Good())
    bad, good = host.statuses
    assert said in str(bad.reason)
    assert (bad.state, good.state, host.active) == ("broken", "active", ["good"])


def test_a_hook_of_a_later_core_may_be_marked_optional(host_of: HostOf) -> None:
    plugin = SimpleNamespace(umbral_chat_later=hookimpl(optionalhook=True)(lambda: None))
    (status,) = host_of(early=plugin).statuses
    assert (status.state, status.provides) == ("active", ())


class Good:
    @hookimpl
    def umbral_chat_commands(self) -> list[object]:
        return []


@pytest.mark.parametrize(("plugin", "said"), [(Good, "names the class Good"), (None, "names nothing")])
def test_an_entry_point_names_a_module_or_an_instance(host_of: HostOf, plugin: object, said: str) -> None:
    (status,) = host_of(bad=plugin).statuses
    assert said in str(status.reason)


def test_one_object_under_two_names_is_refused_the_second_time(host_of: HostOf) -> None:
    good = Good()
    first, second = host_of(a=good, b=good).statuses
    assert (first.state, second.state) == ("active", "broken")


def test_two_hosts_share_nothing(host_of: HostOf) -> None:
    first, second = host_of(a=Good()), host_of(b=Good())
    assert (first.active, second.active) == (["a"], ["b"])
