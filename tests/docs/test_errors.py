"""The page of errors has every code that the service can answer with, and its status."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import umbral_chat
import umbral_chat.errors
import umbral_chat_n8n_bridge
import umbral_chat_polling
import umbral_chat_presence
import umbral_chat_streaming
import umbral_chat_subscriptions
import umbral_chat_webchat
from umbral_chat._core.http import problems
from umbral_chat._core.http.error_codes import CODES
from umbral_chat.errors import RequestError
from umbral_chat.http_kit import decoding

MODULES = (
    *(umbral_chat, umbral_chat_n8n_bridge, umbral_chat_polling, umbral_chat_presence, umbral_chat_streaming),
    *(umbral_chat_subscriptions, umbral_chat_webchat),
)
PACKAGES = [Path(str(module.__file__)).parent for module in MODULES]
PAGE = "_core/http/error_codes.py"
STATUSES = {code.name: code.status for code in CODES}

PASSED_ON = {
    # Calls that pass on a code that they were given; the place that sets it is checked on its own.
    "errors.py: code",
    "http_kit/decoding.py: code",
    "_core/http/problems.py: error.code",
    "_core/http/problems.py: _CODES.get(status, 'error')",
    "_core/auth/gate.py: code",
    # Why a call of n8n ended as it did, in the bridge's ledger.
    "relay/turn_outcome.py: code",
    # The codes of a stream's last status, which are not those of problems.
    "status.py: code",
    "ws/codes.py: code",
    "ws/codes.py: error.code",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the service, without the command line, whose codes are exit codes and those of other services."""
    for package in PACKAGES:
        for file in sorted(package.rglob("*.py")):
            name = file.relative_to(package).as_posix()
            if not name.startswith(("_core/cli/", "testing/")):
                yield name, ast.parse(file.read_text(encoding="utf-8"))


def given() -> Iterator[tuple[str, str, ast.expr]]:
    """(module, what is called, value) of every `code=`."""
    for name, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else ""
                yield from ((name, called, one.value) for one in node.keywords if one.arg == "code")


def raised() -> Iterator[tuple[str, int | None]]:
    """Every code with its status, None where the class is not known."""
    for _, called, value in given():
        if isinstance(value, ast.Constant):
            kind: type[RequestError] | None = getattr(umbral_chat.errors, called, None)
            yield str(value.value), None if kind is None else kind.status
    for kind in vars(umbral_chat.errors).values():
        if inspect.isclass(kind) and issubclass(kind, RequestError):
            yield kind.default_code, kind.status
    for status, code in problems._CODES.items():
        yield code, status


def test_the_page_has_every_code_with_its_status() -> None:
    missing = {code: status for code, status in raised() if code not in STATUSES}
    assert not missing, f"add to umbral_chat._core.http.error_codes: {missing}"
    wrong = {code: status for code, status in raised() if status not in {None, STATUSES[code]}}
    assert not wrong, f"the page has another status for {wrong}"


def test_the_page_has_no_code_that_the_service_never_answers() -> None:
    trees = dict(sources())
    assert PAGE in trees
    text = "\n".join(ast.unparse(tree) for name, tree in trees.items() if name != PAGE)
    unused = {code for code in STATUSES if f"'{code}'" not in text}
    assert not unused


def test_codes_that_are_computed_are_listed_here() -> None:
    found = {f"{name}: {ast.unparse(value)}" for name, _, value in given() if not isinstance(value, ast.Constant)}
    assert found == PASSED_ON


def test_codes_from_a_table_are_in_the_page() -> None:
    source = inspect.getsource(decoding.shape_error)
    assert {"unknown_field", "missing_field"} <= STATUSES.keys()
    assert source.count('"unknown_field"') == source.count('"missing_field"') == 1


def test_each_code_is_in_the_page_once_ordered_by_status() -> None:
    assert len(STATUSES) == len(CODES)
    statuses = [code.status for code in CODES if code.status]
    assert statuses == sorted(statuses)
