"""What a test sets up of logging is gone in the next one. The two run in this order, in one worker."""

from __future__ import annotations

import logging


class Leaked(logging.StreamHandler):  # type: ignore[type-arg]  # of whatever stream
    """A handler that nothing else adds."""


def test_one_that_changes_it() -> None:
    logging.getLogger().setLevel(5)
    logging.getLogger().addHandler(Leaked())


def test_the_next_does_not_see_it() -> None:
    root = logging.getLogger()
    assert root.level != 5
    assert not [handler for handler in root.handlers if isinstance(handler, Leaked)]
