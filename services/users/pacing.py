"""How tries to sign in are slowed down: by e-mail address and by network address, in the database, for all processes.

A try is counted before the password is looked at, so many at once gain nothing. Waits are bounded: nobody is locked out
for good. Tries from an address from which this user has signed in before are counted apart from all others', so whoever
tries a user's e-mail from elsewhere does not slow down that user at the usual place.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

from sqlalchemy import Connection

from flowledger.domain.kinds.users import folded
from flowledger.storage.people.sessions import SessionRepository
from flowledger.storage.people.tries import Pace, TryRepository

BY_EMAIL: Final = Pace(free=5, longest=timedelta(minutes=5))
"""5 tries, then 1 s, 2 s, 4 s … 5 min between two: 288 a day at the most, from all addresses together."""
BY_ADDRESS: Final = Pace(free=50, longest=timedelta(minutes=5))
"""50 tries, for many people may share an address, then the same. A successful sign-in is not counted."""

_SUBNET: Final = 64
"""Bits of an IPv6 address that an internet provider gives to a customer: the rest is the customer's choice."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try to sign in, as it is counted: by keys that tell neither the e-mail nor the address."""

    email_key: str
    address_key: str | None

    @classmethod
    def of(cls, connection: Connection, email: str, address: str | None) -> Attempt:
        """Return the attempt with this e-mail from this address."""
        if address is None:
            return cls(_key("email", folded(email)), None)
        is_usual = SessionRepository(connection).has_come_from(email, address)
        email_key = _key("email", folded(email), address) if is_usual else _key("email", folded(email))
        return cls(email_key, _key("address", _network(address)))

    def count(self, connection: Connection, at: datetime) -> timedelta:
        """Count the attempt. Return how long it has to wait: then roll back, for it must not be made."""
        tries = TryRepository(connection)
        wait = timedelta() if self.address_key is None else tries.count(self.address_key, BY_ADDRESS, at)
        wait = wait or tries.count(self.email_key, BY_EMAIL, at)
        if not wait:
            tries.clear(at)
        return wait

    def succeeded(self, connection: Connection, at: datetime) -> None:
        """Forget the tries with this e-mail; those from the address stay, except this one."""
        tries = TryRepository(connection)
        if self.address_key is not None:
            tries.take_back(self.address_key, at)
        tries.forget(self.email_key)


def _network(address: str) -> str:
    """Return the part of an address that one customer has: an IPv4 address, or the first 64 bits of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(IPv6Network((int(found), _SUBNET), strict=False))
    return str(found)


def _key(kind: str, *parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass"))
    return f"{kind}:{digest.hexdigest()}"
