"""Conversations as people have them: names, Markdown, code, long words, right-to-left text, over several days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.labs.kit.http1 import Connection


class Said(NamedTuple):
    """A message, and how long ago it was written."""

    ago: timedelta
    role: str
    name: str
    content: str
    metadata: dict[str, Any] | None = None


class Talk(NamedTuple):
    """A conversation: its title, who is to answer, and what was said."""

    conversation: str
    title: str
    said: Sequence[Said]
    responder: str = "assistant"
    assignee: str | None = None
    status: str = "open"


def _ago(days: float = 0, minutes: float = 0) -> timedelta:
    return timedelta(days=days, minutes=minutes)


ASSISTANT = "Nova"
"""Of the assistant's messages."""

ORDER = Talk(
    "order-1042",
    "Order 1042: delivery to a new address",
    (
        Said(_ago(1, 40), "user", "Ada Lindqvist", "Hi! Can I still change the delivery address of order 1042?"),
        Said(
            _ago(1, 39),
            "assistant",
            ASSISTANT,
            "Hello Ada, yes: the parcel has **not left** the warehouse yet. I need\n\n"
            "1. the street and number,\n2. the postcode and city,\n3. a phone number for the courier.",
        ),
        Said(_ago(1, 36), "user", "Ada Lindqvist", "Storgatan 12, 114 55 Stockholm. The phone number stays."),
        Said(
            _ago(1, 35),
            "assistant",
            ASSISTANT,
            "Done. The new address is on the label:\n\n"
            "| Part | On the label |\n| --- | --- |\n| Street | Storgatan 12 |\n| City | 114 55 Stockholm |\n"
            "| Arrives | Thursday, before noon |"
            "\n\nYou can follow it on [the courier's page](https://courier.example/track/1042).",
        ),
        Said(_ago(0, 22), "user", "Ada Lindqvist", "The page says *returned to sender* now. What happened? 😟"),
        Said(
            _ago(0, 21),
            "assistant",
            ASSISTANT,
            "Let me look … I am handing this to a colleague who can call the courier.",
        ),
        Said(
            _ago(0, 14),
            "agent",
            "Bo Nakamura",
            "Hi Ada, Bo here. The driver had the old label. I have booked a new delivery for **tomorrow, 9 to 11**, "
            "free of charge.",
        ),
        Said(_ago(0, 12), "user", "Ada Lindqvist", "That is great, thank you, Bo!"),
    ),
    responder="human",
)

API = Talk(
    "api-77",
    "Webhook signature does not match",
    (
        Said(_ago(0, 95), "user", "Jonas Weber", "My signature check fails. This is what I do:"),
        Said(
            _ago(0, 94),
            "user",
            "Jonas Weber",
            "```python\nimport hmac, hashlib\n\nexpected = hmac.new(secret, body, hashlib.sha256).hexdigest()\n"
            "if not hmac.compare_digest(expected, request.headers['webhook-signature']):\n    raise ValueError("
            "'this is no signature of ours, and the line is long enough that it has to scroll in its own box')\n```",
        ),
        Said(
            _ago(0, 93),
            "assistant",
            ASSISTANT,
            "Two things differ:\n\n- the signed text is `id.timestamp.body`, not the body alone;\n- the header has a "
            "list such as `v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=`, base64 and not hexadecimal.\n\n> Verify "
            "against the bytes that arrived, before any JSON is parsed.",
        ),
        Said(
            _ago(0, 60),
            "user",
            "Jonas Weber",
            "Works! A long one for your tests: https://api.example.com/v1/reports/2026/11/30/"
            + "averyveryverylongsegmentwithoutanyplacetobreak" * 3,
        ),
    ),
)

ARABIC = Talk(
    "support-ar",
    "استفسار عن الفاتورة رقم 2207",
    (
        Said(_ago(0, 50), "user", "ليلى حداد", "مرحبًا، لم أستلم الفاتورة رقم 2207 حتى الآن."),
        Said(
            _ago(0, 49),
            "assistant",
            "نوفا",
            "أهلًا ليلى، أُرسلت الفاتورة إلى **layla@example.com** قبل يومين. هل تريدين أن:\n\n- أرسلها مرة أخرى،\n- أو "
            "أغيّر العنوان؟",
        ),
        Said(_ago(0, 45), "user", "ليلى حداد", "أرسلها مرة أخرى من فضلك، مع الرمز ABC-123."),
        Said(_ago(0, 44), "assistant", "نوفا", "تم الإرسال. ستصلك خلال دقائق."),
    ),
)

OTHERS = (
    Talk(
        "order-1055",
        "Size exchange",
        (
            Said(_ago(0, 6), "user", "Mina Park", "Hello, the jacket is too small. Can I change it for an L?"),
            Said(_ago(0, 5), "assistant", ASSISTANT, "Of course, Mina. Is the label still on it?"),
            Said(_ago(0, 3), "user", "Mina Park", "Yes, it is."),
        ),
    ),
    Talk(
        "billing-31",
        "Invoice with our VAT number",
        (
            Said(_ago(2, 0), "user", "Priya Raman", "Could you add our VAT number to invoice 31?"),
            Said(_ago(1, 700), "agent", "Bo Nakamura", "It is on the new copy, which I have just sent."),
            Said(_ago(1, 690), "user", "Priya Raman", "Perfect."),
        ),
        status="closed",
    ),
    Talk(
        "trial-9",
        "Donaudampfschifffahrtsgesellschaftskapitänsmützenbestellungsnachfrage",
        (Said(_ago(0, 200), "user", "Wolfeschlegelsteinhausenbergerdorff", "Ist die Mütze wieder lieferbar?"),),
    ),
)

INBOX = (ORDER, API, ARABIC, *OTHERS)
"""What the operators' list shows."""


async def written(api: Connection, talk: Talk, *, suffix: str = "") -> str:
    """Write a conversation into the service, and return its id: `conversation` and `suffix`."""
    conversation = talk.conversation + suffix
    now = datetime.now(UTC)
    for number, said in enumerate(talk.said):
        sender = {"role": said.role, "id": said.name.split()[0].lower(), "name": said.name}
        body = {
            "content": said.content,
            "sender": sender,
            "at": (now - said.ago).isoformat(),
            "client_id": f"said-{number}",
            "metadata": said.metadata,
        }
        await asked(api, "POST", f"/v1/conversations/{conversation}/messages", body)
    changes: dict[str, Any] = {"title": talk.title, "status": talk.status, "responder": talk.responder}
    if talk.assignee is not None:
        changes["assignee"] = talk.assignee
    await asked(api, "PATCH", f"/v1/conversations/{conversation}", changes)
    return conversation


async def history(api: Connection, conversation: str, messages: int) -> None:
    """Write a long history, of texts of different lengths over many days."""
    start = datetime.now(UTC) - timedelta(minutes=3 * messages + 5)
    for number, line in zip(range(messages), _lines(), strict=False):
        role = ("user", "assistant")[number % 2]
        body = {
            "content": f"{number}: {line}",
            "sender": {"role": role, "id": role, "name": ("Ada Lindqvist", ASSISTANT)[number % 2]},
            "at": (start + timedelta(minutes=3 * number)).isoformat(),
        }
        await asked(api, "POST", f"/v1/conversations/{conversation}/messages", body)


async def asked(api: Connection, method: str, path: str, body: object = None) -> Any:
    """The JSON of an answer. Raises RuntimeError for a refusal."""
    answer = await api.ask(method, path, body)
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {answer.body.decode()[:500]}")
    return answer.json() if answer.body else None


def _lines() -> Iterator[str]:
    """Texts of which none is as high as the next."""
    words = [
        "the",
        "parcel",
        "left",
        "our",
        "warehouse",
        "this",
        "morning",
        "and",
        "the",
        "courier",
        "says",
        "that",
        "it",
        "will",
        "be",
        "there",
        "before",
        "noon",
    ]
    number = 0
    while True:
        number += 1
        text = " ".join(words[(number * 7 + at) % len(words)] for at in range(3 + number * 11 % 60))
        if number % 9 == 0:
            text += "\n\n- one thing\n- **another** thing\n- `a third`"
        if number % 31 == 0:
            text += "\n\n```\nGET /v1/orders/1042\n200 OK\n```"
        yield text


__all__ = ["API", "ARABIC", "ASSISTANT", "INBOX", "ORDER", "Said", "Talk", "asked", "history", "written"]
