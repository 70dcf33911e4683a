"""Any JSON, as a claim of a token or a member of a key may be."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**400)
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))
    | st.sampled_from(["\0", "\ud800", "9" * 300, 2**63, 10**30, "room-1", "user", "authenticated"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
"""What Python's decoder makes of JSON, with NaN, infinities, huge numbers and lone surrogates."""
