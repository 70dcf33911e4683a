"""The host of one app's plugins: a typed method for each hook."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

import umbral_chat
from umbral_chat._core.plugins.interface_checks import interface_fault, method_names, type_in_words
from umbral_chat._core.plugins.loading import installed, load_all
from umbral_chat._core.plugins.provider_selection import refuse_duplicates, select
from umbral_chat._core.plugins.relay import PREFIX, Relay
from umbral_chat._core.plugins.result_checks import (
    check_fault,
    command_fault,
    offer_fault,
    route_fault,
    routes_of,
    section_fault,
)
from umbral_chat._core.plugins.status import PluginStatus, disabling
from umbral_chat.errors import PluginError
from umbral_chat.providers.history import Storage

if TYPE_CHECKING:
    import click
    from litestar.types import ControllerRouterHandler

    from umbral_chat._core.settings.sections import Section
    from umbral_chat.context import Base, Services
    from umbral_chat.providers.auth import Authenticator, Principal
    from umbral_chat.providers.edges import Check, Consumer, ConsumerSource, Offer
    from umbral_chat.providers.presence import Presence
    from umbral_chat.providers.transport import Transport

log = logging.getLogger(__name__)
T = TypeVar("T")

OWN_HISTORY = "sqlite"
OWN_AUTHENTICATORS = ("keys", "tokens", "local")


class PluginHost:
    """The plugins of one app. Calls their hooks, each plugin separately, in the order of their names.

    A hook that raises, or returns what it must not, raises PluginError with the plugin and the hook. The methods for
    offers, checks and commands log it instead, keep it in the plugin's status and go on with the other plugins: a
    service answers and a command line works without them.
    """

    def __init__(self, relay: Relay, statuses: Iterable[PluginStatus]) -> None:
        self._relay = relay
        self._statuses = list(statuses)
        self._faults: dict[tuple[str, str], str] = {}

    @classmethod
    def load(
        cls,
        disabled: Collection[str] = (),
        entry_points: Iterable[EntryPoint] | None = None,
        core_version: str = umbral_chat.__version__,
    ) -> PluginHost:
        """Load the installed plugins, or those of `entry_points`; a `disabled` one is not even imported.

        Does not raise for a plugin that cannot be used: its status has the reason.
        """
        relay = Relay()
        points = installed() if entry_points is None else entry_points
        return cls(relay, load_all(relay, points, disabled, core_version))

    @property
    def statuses(self) -> list[PluginStatus]:
        """The status of every installed plugin."""
        return [msgspec.structs.replace(status, faults=self._faults_of(status.name)) for status in self._statuses]

    @property
    def active(self) -> list[str]:
        """Names of the plugins whose hooks are called."""
        return self._relay.names()

    @property
    def inactive(self) -> frozenset[str]:
        """Names of the plugins that are installed and not active: their sections are accepted unchecked."""
        return frozenset(status.name for status in self._statuses) - frozenset(self.active)

    def sections(self) -> dict[str, type[Section]]:
        """The active plugins' sections by name. Raises PluginError for an invalid section."""
        found: dict[str, type[Section]] = {}
        for plugin, kind in self._strict("settings"):
            if plugin in found:
                raise self._fault(plugin, "settings", "it returns a second section; a plugin has one.")
            with_fault = section_fault(kind)
            if with_fault is not None:
                raise self._fault(plugin, "settings", with_fault)
            found[plugin] = kind
        return found

    def storages(self, base: Base) -> list[tuple[str, Storage]]:
        """The storages (history and shared store) of all plugins; none of them is entered yet."""
        from umbral_chat.providers.history import History, RenewsEpochs
        from umbral_chat.providers.store import SharedStore

        found = []
        for plugin, one in self._strict("history", base=base):
            storage = self._instance_of(Storage, plugin, "history", one)
            self._check_interface(plugin, "history", storage, Storage)
            self._check_interface(plugin, "history", storage.history, History, RenewsEpochs)
            self._check_interface(plugin, "history", storage.store, SharedStore)
            found.append((plugin, storage))
        return found

    def select_storage(self, base: Base, wanted: str | None) -> Storage | None:
        """The history that `wanted` (`core.history`) names, or the only one; None: the core's SQLite.

        Raises SettingsError when several are configured and none is selected, or the selected one does not exist.
        """
        found = [(plugin, storage.name, storage) for plugin, storage in self.storages(base)]
        return select("history", "core.history", wanted, found, own=OWN_HISTORY)

    def transports(self, base: Base, storage: Storage) -> list[Transport]:
        """The transports, the preferred one (highest rank) first."""
        from umbral_chat.providers.transport import Announces, StandsBy, Transport

        found = self._checked_results("transport", Transport, StandsBy, Announces, base=base, storage=storage)
        refuse_duplicates("transport", ((plugin, one.name) for plugin, one in found))
        return [one for _, one in sorted(found, key=lambda pair: (-pair[1].rank, pair[1].name))]

    def presence(self, base: Base, storage: Storage, wanted: str | None) -> Presence | None:
        """The presence that `wanted` (`core.presence`) names, or the only one, or None. Raises as select_storage."""
        from umbral_chat.providers.presence import Presence

        found = self._checked_results("presence", Presence, base=base, storage=storage)
        selected: Presence | None = select(
            "presence", "core.presence", wanted, [(plugin, one.name, one) for plugin, one in found]
        )
        return selected

    def authenticators(self, base: Base, storage: Storage) -> list[Authenticator]:
        """The plugins' authenticators in the order in which they are asked, lowest rank first."""
        from umbral_chat.providers.auth import Authenticator, Authorizer

        found = self._checked_results("authenticator", Authenticator, Authorizer, base=base, storage=storage)
        refuse_duplicates("authenticator", ((plugin, one.name) for plugin, one in found), OWN_AUTHENTICATORS)
        return [one for _, one in sorted(found, key=lambda pair: (pair[1].rank, pair[1].name))]

    def routes(self, services: Services) -> list[ControllerRouterHandler]:
        """The plugins' route handlers. Two that claim one method of one path raise PluginError."""
        found: list[tuple[str, Any]] = list(self._items(self._strict("routes", services=services), "routes"))
        for plugin, route in found:
            if fault := route_fault(route):
                raise self._fault(plugin, "routes", f"it returns {fault}")
        refuse_duplicates("route", ((plugin, one) for plugin, route in found for one in routes_of(route)))
        return [route for _, route in found]

    def offers(self, services: Services, conversation: str, principal: Principal) -> list[Offer]:
        """The offers to `principal` for `conversation` now, the preferred one first."""
        arguments = {"services": services, "conversation": conversation, "principal": principal}
        found = self._lenient("offers", offer_fault, arguments)
        return sorted((offer for _, offer in found), key=lambda offer: (-offer.rank, offer.edge))

    def consumers(self, services: Services) -> list[Consumer | ConsumerSource]:
        """The durable consumers of logs, and what starts further ones; two with the same name, which cursors are stored
        under, are refused."""
        from umbral_chat.providers.edges import Consumer, ConsumerSource, SelectsEntries, TakesEnds, WantsConversations

        abilities = (SelectsEntries, TakesEnds, WantsConversations)
        found = list(self._items(self._strict("consumers", services=services), "consumers"))
        for plugin, one in found:
            if not hasattr(one, "handle") and hasattr(one, "run"):
                self._check_interface(plugin, "consumers", one, ConsumerSource)
            else:
                self._check_interface(plugin, "consumers", one, Consumer, *abilities)
        refuse_duplicates("consumer", ((plugin, one.name) for plugin, one in found))
        return [one for _, one in found]

    def checks(self, services: Services) -> list[Check]:
        """Checks for `umbral-chat doctor` and readiness."""
        found = self._lenient("checks", check_fault, {"services": services})
        return [check for _, check in found]

    def commands(self, taken: Iterable[str] = ()) -> list[click.Command]:
        """The plugins' commands. Raises PluginError for a name that two claim, or that is in `taken` (the core's)."""
        found = self._lenient("commands", command_fault, {})
        refuse_duplicates("command", ((plugin, str(command.name)) for plugin, command in found), taken)
        return [command for _, command in found]

    def _call(self, plugin: str, hook: str, arguments: dict[str, object]) -> list[Any]:
        try:
            return list(self._relay.call(plugin, PREFIX + hook, arguments))
        except Exception as error:
            raise self._fault(plugin, hook, f"it raised {type(error).__name__}: {error}") from error

    def _strict(self, hook: str, **arguments: object) -> Iterator[tuple[str, Any]]:
        for plugin in self.active:
            for result in self._call(plugin, hook, arguments):
                yield plugin, result

    def _lenient(
        self, hook: str, item_fault: Callable[[Any], str | None], arguments: dict[str, object]
    ) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        for plugin in self.active:
            known = (plugin, hook) in self._faults
            try:
                results = ((plugin, result) for result in self._call(plugin, hook, arguments))
                flat = list(self._items(results, hook))
                for _, one in flat:
                    if fault := item_fault(one):
                        raise self._fault(plugin, hook, f"it returns {fault}")
            except PluginError as error:
                # The hook for offers is called at each connect: only the first failure is an error in the log.
                log.log(logging.DEBUG if known else logging.ERROR, "%s", error, exc_info=error.__cause__)
            else:
                self._faults.pop((plugin, hook), None)
                found += flat
        return found

    def _items(self, results: Iterable[tuple[str, Any]], hook: str) -> Iterator[tuple[str, Any]]:
        for plugin, result in results:
            if isinstance(result, str | bytes) or not isinstance(result, Iterable):
                raise self._fault(plugin, hook, f"it returns {type_in_words(result)}, which is not a list.")
            try:
                items = list(result)
            except Exception as error:
                raise self._fault(plugin, hook, f"it raised {type(error).__name__}: {error}") from error
            yield from ((plugin, one) for one in items)

    def _checked_results(
        self, hook: str, interface: type, *abilities: type, **arguments: object
    ) -> list[tuple[str, Any]]:
        """The hook's results, each checked against its interface. Raises PluginError."""
        found = list(self._strict(hook, **arguments))
        for plugin, one in found:
            self._check_interface(plugin, hook, one, interface, *abilities)
        return found

    def _check_interface(self, plugin: str, hook: str, one: object, interface: type, *abilities: type) -> None:
        """Raises PluginError when `one` lacks a part of the interface, or of an optional ability that it has partly."""
        # At run time a Protocol is recognized by the names of its methods alone.
        has = [ability for ability in abilities if any(hasattr(one, name) for name in method_names(ability))]
        for wanted in (interface, *has):
            if fault := interface_fault(one, wanted):
                raise self._fault(plugin, hook, f"it returns {fault}")

    def _instance_of(self, kind: type[T], plugin: str, hook: str, one: object) -> T:
        if isinstance(one, kind):
            return one
        raise self._fault(plugin, hook, f"it returns {type_in_words(one)}, which is not a {kind.__name__}.")

    def _fault(self, plugin: str, hook: str, reason: str) -> PluginError:
        """The error, which is also kept in the plugin's status."""
        self._faults[plugin, hook] = f"{PREFIX}{hook}: {reason}"
        label = next((status.label for status in self._statuses if status.name == plugin), repr(plugin))
        return PluginError(f"Plugin {label}, hook {PREFIX}{hook}: {reason} {disabling(plugin)}")

    def _faults_of(self, plugin: str) -> tuple[str, ...]:
        return tuple(reason for (name, _), reason in sorted(self._faults.items()) if name == plugin)


__all__ = ["OWN_AUTHENTICATORS", "OWN_HISTORY", "PluginHost"]
