from __future__ import annotations

import pytest
from umbral_chat._core.auth.local import LocalAuthenticator
from umbral_chat._core.auth.rights import ALL_RIGHTS
from umbral_chat._core.runtime.addresses import is_loopback


def test_the_local_administrator_may_do_all() -> None:
    principal = LocalAuthenticator().principal()
    assert (principal.kind, principal.subject, principal.rights) == ("local", "local", ALL_RIGHTS)
    assert principal.conversation is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "LocalHost", "::ffff:127.0.0.1"])
def test_this_machines_own_addresses_are_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "", "192.168.0.1", "::ffff:8.8.8.8", "localhost.example", "127.0.0.1.example", "example"],  # noqa: S104
)
def test_every_other_address_and_name_is_not(host: str) -> None:
    assert not is_loopback(host)
