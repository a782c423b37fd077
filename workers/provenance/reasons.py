"""Why an event lost to the owner of a group, in words: the first part of their keys (CONTRACT §3) that differs."""

from __future__ import annotations

from typing import Final

from flowledger.domain.keys import order_key
from flowledger.workers.provenance.claims import Claim, Contest, Teller

SAME: Final = "states the same"
"""The reason of a claim that is equal to the owner's: whichever event is named, the row is the same."""


def reason(contest: Contest, lost: Claim, owner: Claim) -> str:
    """Return why `lost` lost to `owner`."""
    if contest.then is not None:
        return _by_time(contest, lost, owner)
    if isinstance(lost.key, int):
        return SAME if lost.key == owner.key else f"{lost.key} is less than {owner.key}"
    if not lost.key.endswith(lost.teller.order):
        return _by_due_time(lost, owner)
    prefix, above = (one.key.removesuffix(one.teller.order) for one in (lost, owner))
    if prefix != above:
        return _by_prefix(contest, lost.teller, owner.teller)
    return _by_order(lost.teller, owner.teller, first=contest.least)


def _by_time(contest: Contest, lost: Claim, owner: Claim) -> str:
    """Of `created_at`, `started_at` and so on the earliest time counts, of `updated_at` the latest."""
    if lost.key != owner.key:
        if lost.teller.time is None and owner.teller.time is not None:
            return "it has no time of its own"
        return f"another type than `{owner.teller.type}`, whose time goes first"
    if lost.then == owner.then:
        return SAME
    return f"its time {lost.then} is {'after' if contest.least else 'before'} {owner.then}"


def _by_due_time(lost: Claim, owner: Claim) -> str:
    return SAME if lost.key == owner.key else "it fired for an earlier due time, or for an execution with a lesser id"


def _by_prefix(contest: Contest, lost: Teller, owner: Teller) -> str:
    if contest.field is not None:
        return "any `updated` goes over any `created`"
    if lost.type.startswith("message.") and lost.type != owner.type:
        return f"`{owner.type}` reaches further than `{lost.type}`"
    if lost.attempt != owner.attempt:
        return f"attempt {lost.attempt} is less than {owner.attempt}"
    return f"`{lost.status}` (rank {lost.rank}) is below `{owner.status}` (rank {owner.rank})"


def _by_order(lost: Teller, owner: Teller, *, first: bool) -> str:
    """`sequence`, `time`, `source` and `id`, in this order; of versions of a workflow the first one stands."""
    before, lacks = ("after", "only the owner lacks") if first else ("before", "the owner has")
    if order_key(lost.sequence, None, "", "") != order_key(owner.sequence, None, "", ""):
        if lost.sequence is None or owner.sequence is None:
            return f"{lacks} a sequence" + ("" if owner.sequence is None else f", {owner.sequence!r}")
        return f"sequence {lost.sequence!r} is {before} {owner.sequence!r}"
    if lost.time != owner.time:
        if lost.time is None or owner.time is None:
            return f"{lacks} a time" + ("" if owner.time is None else f", {owner.time}")
        return f"time {lost.time} is {before} {owner.time}"
    name = "source" if lost.source != owner.source else "id"
    return f"{name} {getattr(lost, name)!r} is {before} {getattr(owner, name)!r} in the order of code points"
