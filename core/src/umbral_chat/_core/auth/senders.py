"""The sender of what a principal writes. Pure: whether it may write at all is checked before."""

from __future__ import annotations

from umbral_chat.errors import Forbidden
from umbral_chat.model.entries import Finish, Role, Sender
from umbral_chat.providers.auth import Principal


def sender_for(principal: Principal, requested: Sender | None) -> Sender:
    """The sender of what `principal` writes.

    With the right `send_as`: the requested sender, exactly as it was requested. Otherwise the principal's own role, id
    and name, which a request may only repeat.

    The id is the subject; a service key's is the key's plain name (`n8n`, not `key:n8n`), so that an entry without a
    requested sender shows which service sent it.

    Raises Forbidden (`may_not_speak_as`) for a request with another role, id or name. Readers see the name: a visitor
    must not call itself "Support".
    """
    if requested is None:
        return principal.sender
    if "send_as" in principal.rights:
        return requested
    own = principal.sender
    if requested.role != own.role:
        raise _may_not("role", f"may speak as {own.role!r} only")
    if requested.id is not None and requested.id != own.id:
        raise _may_not("id", "may speak for itself only")
    if requested.name is not None and requested.name != own.name:
        raise _may_not("name", "may not choose its name; a token's name is set where it is issued")
    return own


def checked_finish(principal: Principal, finish: Finish | None) -> Finish | None:
    """`finish`, if the caller may say how the writing of a message ended: a service key with `send_as`. Raises
    Forbidden."""
    if finish is not None and not (principal.trusted and "send_as" in principal.rights):
        raise Forbidden(
            "`finish` needs a service key with the right 'send_as'.", field="finish", extra={"right": "send_as"}
        )
    return finish


def token_role(issuer: Principal, requested: Role | None) -> Role:
    """The role of a token that `issuer` requests: with `send_as` any, otherwise only its own; `user` when none is
    requested.

    Raises Forbidden (`may_not_speak_as`): a caller that may not write as the assistant may not issue a token that does.
    """
    role = requested or "user"
    if role != issuer.role and "send_as" not in issuer.rights:
        raise Forbidden(
            f"This caller may issue tokens for the role {issuer.role!r} only; others need the right send_as.",
            code="may_not_speak_as",
            field="role",
        )
    return role


def _may_not(field: str, reason: str) -> Forbidden:
    return Forbidden(
        f"This caller {reason}. Leave `sender` out, or use a key with the right send_as.",
        code="may_not_speak_as",
        field=f"sender.{field}",
    )


__all__ = ["checked_finish", "sender_for", "token_role"]
