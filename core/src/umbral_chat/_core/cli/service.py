"""Which service a command talks to: its URL and key, as options of the group and of each command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import rich_click as click

DEFAULT_URL = "http://127.0.0.1:8750"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Service:
    """The service's base URL and the key to call it with. The key is left out of the repr."""

    url: str = DEFAULT_URL
    key: str | None = field(default=None, repr=False)


def check_url(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """A click callback: the URL without a trailing slash. Raises BadParameter for an invalid one."""
    if value is None:
        return None
    if "@" in (value.partition("//")[2] or value).partition("/")[0]:  # before an error repeats it
        raise click.BadParameter("it contains a user name or password (before @): remove it, and pass --key.")
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        usable = usable and not (parts.query or parts.fragment)
    except ValueError:  # an invalid port or address
        usable = False
    if not usable:
        raise click.BadParameter(f"{value!r} is not a URL such as {DEFAULT_URL}.")
    return value.rstrip("/")


def check_key(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """A click callback: the key. Raises BadParameter, without repeating the key, if no header can carry it."""
    if value and not (value.isascii() and value.isprintable()):
        raise click.BadParameter(
            "it contains characters that no HTTP header can carry; is it complete and without line breaks?"
        )
    return value or None


def service_options(function: F) -> F:
    """Add `--url` and `--key` to a command; they override the group's."""
    for name, check, text in (
        ("--key", check_key, "Overrides the --key before the command and UMBRAL_CHAT_KEY."),
        ("--url", check_url, "Overrides the --url before the command and UMBRAL_CHAT_URL."),
    ):
        function = click.option(name, callback=_remember(check), expose_value=False, help=text)(function)
    return function


def _remember(check: Callable[..., str | None]) -> Callable[..., None]:
    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if (value := check(ctx, param, value)) is not None and param.name is not None:
            ctx.obj = replace(ctx.find_object(Service) or Service(), **{param.name: value})

    return callback


def current_service(ctx: click.Context) -> Service:
    """The service that this invocation names."""
    return ctx.find_object(Service) or Service()


__all__ = ["DEFAULT_URL", "Service", "check_key", "check_url", "current_service", "service_options"]
