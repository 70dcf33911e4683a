"""The newest messages that fit into a prompt: as many as possible, none cut, and never more than asked for."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.conversations.prompt_window import PromptWindow, estimated_tokens, text_of
from umbral_chat.model.entries import FoldedMessage, Role, Sender

ROLES: list[Role] = ["user", "assistant", "agent", "system"]


@st.composite
def conversations(draw: st.DrawFn) -> list[FoldedMessage]:
    found = []
    for seq in range(1, draw(st.integers(0, 12)) + 1):
        redacted = draw(st.booleans())
        found.append(
            FoldedMessage(
                seq=seq,
                version=seq,
                at=datetime(2026, 11, 22, tzinfo=UTC),
                sender=Sender(draw(st.sampled_from(ROLES))),
                message_id=f"m{seq}",
                content="" if redacted else draw(st.text(max_size=30)),
                metadata=draw(st.sampled_from([None, {"attachments": [{"url": "u", "name": "a.png"}]}])),
                redacted=redacted,
            )
        )
    return found


@given(said=conversations(), most=st.integers(1, 8), tokens=st.none() | st.integers(1, 80), cut=st.integers(1, 5))
def test_the_newest_that_fit_and_no_other(said: list[FoldedMessage], most: int, tokens: int | None, cut: int) -> None:
    window = PromptWindow(messages=most, tokens=tokens)
    newest = list(reversed(said))
    for at in range(0, len(newest), cut):  # in pages
        if not window.full:
            window.take(newest[at : at + cut])
    shown = [one for one in said if text_of(one)]
    prompt = window.prompt("openai")
    kept = shown[len(shown) - len(prompt) :]
    assert [one["content"] for one in prompt] == [text_of(one) for one in kept]
    assert window.tokens == sum(estimated_tokens(text_of(one)) for one in kept)
    assert len(prompt) <= most
    assert tokens is None or window.tokens <= tokens
    assert window.full == (len(kept) < len(shown))
    if window.full and len(kept) < most:
        assert tokens is not None
        assert window.tokens + estimated_tokens(text_of(shown[-len(prompt) - 1])) > tokens


def test_the_roles_of_a_prompt() -> None:
    said = [
        FoldedMessage(
            seq=seq,
            version=seq,
            at=datetime(2026, 11, 22, tzinfo=UTC),
            sender=Sender(role),
            message_id=f"m{seq}",
            content=role,
        )
        for seq, role in enumerate(ROLES, 1)
    ]
    window = PromptWindow(messages=9, tokens=None)
    window.take(reversed(said))
    assert [one["role"] for one in window.prompt("openai")] == ["user", "assistant", "assistant", "system"]
    assert [one["type"] for one in window.prompt("langchain")] == ["human", "ai", "ai", "system"]


def test_other_scripts_take_more_tokens() -> None:
    assert estimated_tokens("") == 4
    assert estimated_tokens("Hello, world") == 4 + 3
    assert estimated_tokens("你好，世界") == 4 + 5
    assert estimated_tokens("Grüße") == 4 + 1 + 2
