"""What of ours the database holds, as its catalog says: nothing can be forgotten in the table of rights."""

from __future__ import annotations

from typing import NamedTuple

from .attempts import Connection


class Things(NamedTuple):
    """Names by kind, ascending."""

    tables: list[str]
    sequences: list[str]
    functions: list[str]


def things(connection: Connection) -> Things:
    """Everything whose name begins with our prefix. AssertionError for a view, or a function in two forms: neither is
    foreseen."""
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
    assert len(names) == len(set(names)), "a function has two forms"
    tables = [name for name, kind in relations if kind == "r"]
    return Things(tables, [name for name, kind in relations if kind == "S"], names)


__all__ = ["Things", "things"]
