"""Checks at start that an object has all that its interface requires, so that a plugin's mistake is not found later.

A type checker, where one is used, finds the same earlier.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Any, get_origin, get_type_hints


def interface_fault(one: object, interface: type) -> str | None:
    """What `one` lacks of the Protocol `interface`, as the end of a sentence; None: nothing.

    It must have every attribute, of its type where that is text, a whole number, a struct or a context manager; every
    method takes the arguments that the interface names, and is async exactly where the interface's is. A method that is
    inherited from the Protocol itself counts as missing: it would do nothing.
    """
    if inspect.isclass(one):
        return f"the class {one.__name__}: give an instance of it."
    subject = type_in_words(one)
    for name, wanted in _attributes(interface).items():
        try:
            found = getattr(one, name)
        except AttributeError:
            return f"{subject}, which has no {name} ({_described(wanted)})."
        except Exception as error:  # noqa: BLE001 - a property is a plugin's code
            return f"{subject}, whose {name} raised {type(error).__name__}: {error}"
        if not _is_a(found, wanted):
            return f"{subject}, whose {name} is {found!r:.60} and not {_described(wanted)}."
    for name, stub in _methods(interface):
        if fault := _fault_of_method(one, name, stub):
            return f"{subject}, {fault}"
    return None


def call_fault(function: object, *arguments: str) -> str | None:
    """Why `function` cannot be awaited with these arguments, as the end of a sentence; None: it can."""
    if not callable(function):
        return "is not callable."
    if not _is_async(function):
        return "is not async: write `async def`."
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        return f"cannot be called with ({', '.join(arguments)}): {error}."
    except ValueError:  # without a signature, as a built-in: it cannot be checked
        pass
    return None


def method_names(ability: type) -> list[str]:
    """The methods of a Protocol."""
    return [name for name, _ in _methods(ability)]


def type_in_words(one: object) -> str:
    """The type of an object, for the middle of a sentence."""
    if inspect.iscoroutine(one):
        one.close()  # it is never awaited
        return "a coroutine (hooks are synchronous)"
    return f"a {type(one).__name__}"


def _fault_of_method(one: object, name: str, stub: Callable[..., Any]) -> str | None:
    signature = inspect.signature(stub)
    parameters = list(signature.parameters.values())[1:]
    asynchronous = inspect.iscoroutinefunction(stub)
    written = f"{'async ' if asynchronous else ''}def {name}({', '.join(parameter.name for parameter in parameters)})"
    method = getattr(one, name, None)
    if method is None or getattr(method, "__func__", None) is stub:
        return f"which has no {name}: it needs `{written}`."
    if not callable(method):
        return f"whose {name} is not a method: it needs `{written}`."
    if asynchronous and not _is_async(method):
        return f"whose {name} is not async: it needs `{written}`."
    if not asynchronous and inspect.iscoroutinefunction(method):
        return f"whose {name} is async, and would never be awaited: it needs `{written}`."
    try:
        theirs = inspect.signature(method)
    except (TypeError, ValueError):  # without a signature: it cannot be checked
        return None
    by_name = [one for one in parameters if one.kind is one.KEYWORD_ONLY or one.default is not one.empty]
    by_place = [one for one in parameters if one not in by_name]
    try:
        theirs.bind(*(None for _ in by_place), **{parameter.name: None for parameter in by_name})
    except TypeError as error:
        return f"whose {name} cannot be called as it will be, {error}: it needs `{written}`."
    return None


def _is_async(method: Any) -> bool:
    """Whether a call returns an awaitable: seen through decorators that set `__wrapped__`, and for callable objects."""
    candidates = (method, inspect.unwrap(method), getattr(type(method), "__call__", None))  # noqa: B004
    # asyncio's test also recognizes functions that are marked as coroutines; inspect's does from Python 3.12 on.
    return any(inspect.iscoroutinefunction(one) or asyncio.iscoroutinefunction(one) for one in candidates)


def _is_a(found: object, wanted: Any) -> bool:
    if wanted is str:
        return isinstance(found, str) and bool(found)
    if wanted is int:
        return isinstance(found, int) and not isinstance(found, bool)
    if wanted is AbstractAsyncContextManager:
        return hasattr(type(found), "__aenter__") and hasattr(type(found), "__aexit__")
    # Whether a Protocol is satisfied is checked by the caller.
    return not inspect.isclass(wanted) or getattr(wanted, "_is_protocol", False) or isinstance(found, wanted)


def _described(wanted: Any) -> str:
    described = {str: "text", int: "a whole number", AbstractAsyncContextManager: "an async context manager"}
    return described.get(wanted) or f"a {getattr(wanted, '__name__', wanted)}"


@cache
def _attributes(interface: type) -> dict[str, Any]:
    found = {name: get_origin(hint) or hint for name, hint in get_type_hints(interface).items()}
    for base in _protocols(interface):
        for name, member in vars(base).items():
            if isinstance(member, property) and member.fget is not None:
                hint = get_type_hints(member.fget).get("return")
                found[name] = get_origin(hint) or hint
    return {name: hint for name, hint in found.items() if not name.startswith("_")}


@cache
def _methods(interface: type) -> tuple[tuple[str, Callable[..., Any]], ...]:
    return tuple(
        (name, member)
        for base in _protocols(interface)
        for name, member in vars(base).items()
        if inspect.isfunction(member) and not name.startswith("_")
    )


def _protocols(interface: type) -> Iterator[type]:
    return (base for base in interface.__mro__ if getattr(base, "_is_protocol", False) and base.__module__ != "typing")


__all__ = ["call_fault", "interface_fault", "method_names", "type_in_words"]
