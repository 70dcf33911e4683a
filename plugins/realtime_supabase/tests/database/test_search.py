"""How much of the inbox one search looks at."""

from __future__ import annotations

import json

from .conftest import Call


def test_a_long_inbox_is_searched_part_by_part(call: Call) -> None:
    for number in range(12):
        changes = {"title": "wanted" if number in {1, 5} else "other"}
        entry = json.dumps({"kind": "update", "sender": {"role": "agent"}, "changes": changes})
        call("umbral_chat_update", f"c{number:02}", entry, "u1")
    pages: list[list[str]] = []
    at = before = None
    while True:
        page = call("umbral_chat_search", '{"text": "WANTED"}', 3, at, before, p_scan=5)
        pages.append([one["id"] for one in page["conversations"]])
        if page["next"] is None:
            break
        at, before = page["next"]
    assert pages == [[], ["c05"], ["c01"]]
    everything = call("umbral_chat_search", '{"status": "open"}', 12, p_scan=5)
    assert len(everything["conversations"]) == 12, "only texts are compared one by one"
    assert everything["next"] is None
