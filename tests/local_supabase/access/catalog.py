"""Our tables, sequences and functions, read from the database's catalog, so that none is left out."""

from __future__ import annotations

from typing import NamedTuple

from .attempts import Connection


class OurObjects(NamedTuple):
    """Names by kind, sorted."""

    tables: list[str]
    sequences: list[str]
    functions: list[str]


def our_objects(connection: Connection) -> OurObjects:
    """Everything whose name begins with our prefix. Raises AssertionError for a view or an overloaded function, which
    are not supported."""
    relations = connection.execute(
        "select relname, relkind from pg_class where relnamespace = 'public'::regnamespace "
        "and relname ~ '^_?umbral_chat_' and relkind not in ('i', 'I') order by relname collate \"C\""
    ).fetchall()
    functions = connection.execute(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace and proname ~ '^_?umbral_chat_' "
        'order by proname collate "C"'
    ).fetchall()
    kinds = {kind for _, kind in relations}
    names = [name for (name,) in functions]
    assert kinds == {"r", "S"}, f"relations of the kinds {kinds}"
    assert len(names) == len(set(names)), "a function is overloaded"
    tables = [name for name, kind in relations if kind == "r"]
    return OurObjects(tables, [name for name, kind in relations if kind == "S"], names)


__all__ = ["OurObjects", "our_objects"]
