"""Conversation tokens for visitors."""

from __future__ import annotations

from litestar import post

from umbral_chat.api.bodies import TokenBody
from umbral_chat.api.views import TokenView
from umbral_chat.auth.tokens import TokenIssuer
from umbral_chat.context import Services
from umbral_chat.model.ids import ID_LIMIT, check_conversation_id
from umbral_chat.providers.auth import Principal
from umbral_chat.rules import NAME_LIMIT, check_text


@post("/v1/tokens", operation_id="token", summary="A token for a visitor", tags=["tokens"], opt={"right": "tokens"})
async def issue_token(services: Services, principal: Principal, issuer: TokenIssuer, data: TokenBody) -> TokenView:
    """A token by which a browser reads and writes one conversation as one visitor.

    It is bound to the conversation's epoch, so the conversation is made if it is not there, and a token of a deleted
    one does not open the one that is made after it.
    """
    conversation = check_conversation_id(data.conversation)
    check_text(data.subject, field="subject", limit=ID_LIMIT)
    if data.name is not None:
        check_text(data.name, field="name", limit=NAME_LIMIT)
    issuer.check(principal, role=data.role, rights=data.rights, ttl=data.ttl)
    found, _ = await services.storage.history.ensure(conversation)
    token, expires_at = issuer.issue(
        conversation, found.epoch, data.subject, data.name, data.role, data.rights, data.ttl
    )
    return TokenView(token=token, expires_at=expires_at)


__all__ = ["issue_token"]
