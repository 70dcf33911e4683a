"""Which addresses a call to a URL of a user may connect to. Pure.

Only addresses of the public internet, unless the deployer lists a network. The refused ones are those of the IANA
registries of special-purpose addresses (RFC 6890), and IPv6 forms that carry an IPv4 address to somewhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_4 = {
    "0.0.0.0/8": "unspecified",  # RFC 1122: "this network"; Linux connects 0.0.0.0 to itself
    "10.0.0.0/8": "private",  # RFC 1918
    "100.64.0.0/10": "carrier-grade NAT",  # RFC 6598; some clouds have their metadata service in it
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "platform",  # a public number, and the host itself to every machine of Azure
    "169.254.0.0/16": "link-local",  # RFC 3927; metadata services of clouds
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",  # RFC 6890: protocol assignments
    "192.0.2.0/24": "documentation",  # RFC 5737
    "192.88.99.0/24": "6to4",  # RFC 7526: the relay's former anycast address
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "reserved",  # RFC 2544: benchmarks
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",  # and the broadcast address
}

_REFUSED_6 = {
    "::/128": "unspecified",
    "::1/128": "loopback",
    "::ffff:0:0/96": "IPv4-mapped",  # RFC 4291, 2.5.5.2
    "::ffff:0:0:0/96": "IPv4-translated",  # RFC 2765
    "::/96": "IPv4-compatible",  # RFC 4291, 2.5.5.1
    "64:ff9b::/96": "NAT64",  # RFC 6052
    "64:ff9b:1::/48": "NAT64",  # RFC 8215
    "100::/64": "discard",  # RFC 6666
    "2001::/32": "Teredo",  # RFC 4380
    "2001::/23": "reserved",  # RFC 2928: protocol assignments
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",  # RFC 3056
    "3fff::/20": "documentation",  # RFC 9637
    "fc00::/7": "private",  # RFC 4193: unique local
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",  # RFC 3879
    "ff00::/8": "multicast",
}

_REFUSED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), kind) for table in (_REFUSED_4, _REFUSED_6) for network, kind in table.items()
)

_PUBLIC_6 = IPv6Network("2000::/3")
"""The only block of global unicast addresses that has been opened (IANA IPv6 Address Space)."""

_EMBEDDED = {
    IPv6Network("::ffff:0:0/96"): 0,
    IPv6Network("::ffff:0:0:0/96"): 0,
    IPv6Network("::/96"): 0,
    IPv6Network("64:ff9b::/96"): 0,
    IPv6Network("2002::/16"): 80,
}
"""Where an IPv4 address is in an IPv6 one: bits to its right. The one in a Teredo address is not where it leads to."""


def kind_of_refused(address: Address) -> str | None:
    """What a refused address is, as one or two words; None: it is a public one."""
    for network, kind in _REFUSED:
        if address.version == network.version and address in network:
            return kind
    return "reserved" if address.version == 6 and address not in _PUBLIC_6 else None


def refusal(address: Address, allowed: Iterable[Network]) -> str | None:
    """Why `address` may not be connected to, as one or two words; None: it may. Whoever lists a network of IPv6
    addresses that carry an IPv4 address has not listed where those lead to: that one is judged, too."""
    kind = kind_of_refused(address)
    if kind is None:
        return None
    networks = tuple(allowed)
    if not any(address.version == network.version and address in network for network in networks):
        return kind
    inner = embedded(address)
    return None if inner is None else refusal(inner, networks)


def embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, where its form says so."""
    if isinstance(address, IPv4Address) or int(address) in (0, 1):
        return None
    for network, shift in _EMBEDDED.items():
        if address in network:
            return IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return None


__all__ = ["Address", "Network", "embedded", "kind_of_refused", "refusal"]
