"""The route that issues conversation tokens for visitors."""

from __future__ import annotations

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation

from umbral_chat._core.auth import token_claims
from umbral_chat._core.auth.senders import token_role
from umbral_chat._core.auth.tokens import TokenIssuer
from umbral_chat._core.http.dependencies import Caller, Parts
from umbral_chat._core.http.views import TokenView
from umbral_chat.errors import Unavailable
from umbral_chat.model.ids import check_conversation_id
from umbral_chat.model.requests import TokenBody


class IssuerHolder:
    """Where the route finds the issuer, whose secrets are only known once the service has started."""

    def __init__(self) -> None:
        self._issuer: TokenIssuer | None = None

    @property
    def current(self) -> TokenIssuer:
        """The issuer. Raises Unavailable before the service has started."""
        if self._issuer is None:
            raise Unavailable("The service has not started yet.", code="not_started")
        return self._issuer

    def use(self, issuer: TokenIssuer) -> None:
        """Set the issuer, at the start of the service."""
        self._issuer = issuer


TheIssuerHolder = NamedDependency[SkipValidation[IssuerHolder]]


@post("/v1/tokens", operation_id="token", summary="A token for a visitor", tags=["tokens"], opt={"right": "tokens"})
async def issue_token(
    services: Parts, principal: Caller, issuer_holder: TheIssuerHolder, data: JSONBody[TokenBody]
) -> TokenView:
    """A token by which a browser reads and writes one conversation as one visitor.

    It is bound to the conversation's epoch. So the conversation is made if it does not exist, and the token of a
    deleted conversation is not valid for one that is made anew under the same id.
    """
    conversation = check_conversation_id(data.conversation)
    role = token_role(principal, data.role)
    # Everything is checked before the conversation is made: a refused request leaves nothing behind.
    token_claims.check_claims(conversation, None, data.subject, data.name, role, data.rights)
    token_claims.check_ttl(data.ttl)
    found, _ = await services.storage.history.ensure(conversation)
    token, expires_at = issuer_holder.current.issue(
        conversation, found.epoch, data.subject, data.name, role, data.rights, data.ttl
    )
    return TokenView(token=token, expires_at=expires_at)


__all__ = ["IssuerHolder", "issue_token"]
