"""What plugins' commands for `umbral-chat` are made of: options, the client of a service, output and errors.

A plugin's command lines are imported whenever `umbral-chat` starts, so whatever costs time to import is imported when
it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from umbral_chat._core.cli.command import command, conversation_argument, json_option, run_async
from umbral_chat._core.cli.failures import Problem, Unreachable
from umbral_chat._core.cli.service import Service, current_service, service_options

if TYPE_CHECKING:
    from umbral_chat._core.cli.client import Client, Json, conversation_path
    from umbral_chat._core.cli.output import clean, counted, moment, notice, one_line, print_json, say, stderr, stdout
    from umbral_chat._core.cli.watch import Lines, Screen, watch

_PLACES = {
    "umbral_chat._core.cli.client": "Client Json conversation_path",
    "umbral_chat._core.cli.output": "clean counted moment notice one_line print_json say stderr stdout",
    "umbral_chat._core.cli.watch": "Lines Screen watch",
}

_MODULES = {name: module for module, names in _PLACES.items() for name in names.split()}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(module), name)
        return value


__all__ = [
    "Client",
    "Json",
    "Lines",
    "Problem",
    "Screen",
    "Service",
    "Unreachable",
    "clean",
    "command",
    "conversation_argument",
    "conversation_path",
    "counted",
    "current_service",
    "json_option",
    "moment",
    "notice",
    "one_line",
    "print_json",
    "run_async",
    "say",
    "service_options",
    "stderr",
    "stdout",
    "watch",
]
