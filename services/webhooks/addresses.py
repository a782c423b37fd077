"""The networks from which a webhook may be called."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV4_BITS = 96
"""Bits before the IPv4 address in an IPv6 address that stands for one (`::ffff:192.0.2.7`, RFC 4291)."""


def is_allowed(address: str | None, networks: Iterable[str] | None) -> bool:
    """Return whether a call from `address` is allowed: null allows any, an empty list none.

    An IPv6 address that stands for an IPv4 one counts as that. If it is no address, or has a scope (`%eth0`), no
    network has it.
    """
    if networks is None:
        return True
    found = address_of(address)
    return found is not None and any(found in _network(one) for one in networks)


def address_of(text: str | None) -> _Address | None:
    """Return the address that `text` is; None if it is none, or has a scope."""
    if text is None or "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _network(text: str) -> _Network:
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= _IPV4_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, network.prefixlen - _IPV4_BITS))
    return network
