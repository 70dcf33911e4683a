"""Which addresses may be called."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.http_kit.outbound import refusal
from umbral_chat.http_kit.outbound.addresses import embedded, kind_of_refused

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"]

REFUSED = {
    "0.0.0.0": "unspecified",  # noqa: S104
    "0.1.2.3": "unspecified",
    "10.1.2.3": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.100.100.200": "carrier-grade NAT",
    "127.0.0.1": "loopback",
    "127.255.1.1": "loopback",
    "168.63.129.16": "platform",
    "169.254.169.254": "link-local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "reserved",
    "192.168.178.1": "private",
    "198.18.0.1": "reserved",
    "203.0.113.9": "documentation",
    "224.0.0.1": "multicast",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "IPv4-compatible",
    "::ffff:127.0.0.1": "IPv4-mapped",
    "::ffff:8.8.8.8": "IPv4-mapped",
    "::ffff:0:10.0.0.1": "IPv4-translated",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b:1::a00:1": "NAT64",
    "100::1": "discard",
    "2001::1": "Teredo",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "fd00:ec2::254": "private",
    "fe80::1": "link-local",
    "fe80::1%2": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "4000::1": "reserved",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    assert refusal(ip_address(address), ()) is None


@pytest.mark.parametrize(("address", "kind"), REFUSED.items())
def test_others_may_not(address: str, kind: str) -> None:
    assert refusal(ip_address(address), ()) == kind


def test_unless_their_network_is_listed() -> None:
    allowed = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert refusal(ip_address("10.1.2.3"), allowed) is None
    assert refusal(ip_address("fd12::1"), allowed) is None
    assert refusal(ip_address("192.168.0.1"), allowed) == "private"
    # Another spelling of a listed address is not listed.
    assert refusal(ip_address("::ffff:10.1.2.3"), allowed) == "IPv4-mapped"


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("64:ff9b::/96", "64:ff9b::808:808", "64:ff9b::7f00:1"),
        ("2002::/16", "2002:808:808::1", "2002:a9fe:a9fe::1"),
        ("::ffff:0:0/96", "::ffff:8.8.8.8", "::ffff:192.168.0.1"),
        ("::/96", "::8.8.8.8", "::10.0.0.1"),
    ],
)
def test_a_listed_form_does_not_list_where_it_leads_to(network: str, inside: str, outside: str) -> None:
    allowed = (ip_network(network),)
    assert refusal(ip_address(inside), allowed) is None
    assert refusal(ip_address(outside), allowed) is not None
    assert refusal(ip_address(outside), (*allowed, ip_network("0.0.0.0/0"))) is None


def test_loopback_can_be_listed() -> None:
    assert refusal(ip_address("::1"), (ip_network("::1/128"),)) is None
    assert refusal(ip_address("127.0.0.1"), (ip_network("127.0.0.0/8"),)) is None


@given(st.integers(0, 2**32 - 1))
def test_what_python_calls_special_is_refused(number: int) -> None:
    address = IPv4Address(number)
    special = address.is_private or address.is_multicast or address.is_reserved or address.is_loopback
    if special or address.is_link_local or address.is_unspecified:
        assert kind_of_refused(address) is not None


@given(
    st.integers(0, 2**128 - 1)
    | st.builds(lambda low, high: high << 96 | low, st.integers(0, 2**96 - 1), st.integers(0x20010000, 0x2002FFFF))
)
def test_what_python_calls_special_is_refused_in_ipv6_too(number: int) -> None:
    address = IPv6Address(number)
    if not address.is_global or address.is_multicast or address.ipv4_mapped or address.sixtofour or address.teredo:
        assert kind_of_refused(address) is not None


@given(st.integers(0, 2**32 - 1))
def test_no_form_hides_an_ipv4_address(number: int) -> None:
    inner = IPv4Address(number)
    forms = [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(0xFFFF << 48 | number),
        IPv6Address(0x64FF9B << 96 | number),
        IPv6Address(0x2002 << 112 | number << 80),
    ]
    everything = (ip_network("::/0"),)
    for form in forms:
        assert refusal(form, ()) is not None
        assert embedded(form) == inner
        assert (refusal(form, everything) is None) == (refusal(inner, ()) is None)
