"""The fuse: a shard is paused if most of its entries fail, so that a bad release buries little."""

from __future__ import annotations

from typing import Final

_KEPT: Final = 2
"""How many times `most` entries count; the outcomes of older ones fade."""

BY_FUSE: Final = "the fuse"
"""Who paused a shard, or set a source aside, if nobody did it by hand."""


class Fuse:
    """Counts how many entries of one shard were seen lately, and how many of them died.

    It blows if `most` of them died (0: never) and they are more than half of all.
    """

    def __init__(self, most: int, seen: int = 0, dead: int = 0) -> None:
        self._most = most
        self.seen = seen
        self.dead = dead
        self.blown = False

    def count(self, *, dead: bool) -> None:
        """Count one more entry."""
        self.seen += 1
        self.dead += dead
        if self._most and self.seen >= _KEPT * self._most:
            self.seen //= 2
            self.dead = -(-self.dead // 2)  # one that died is not forgotten before many have lived

    def allows_dead_letter(self) -> bool:
        """Return whether one more entry may die. The first one that may not blows the fuse."""
        if self._most and self.dead >= self._most and 2 * self.dead > self.seen:
            self.blown = True
        return not self.blown

    def allows_another_death(self) -> bool:
        """Return whether the last entry counted may die after all, and count its death if so."""
        allowed = self.allows_dead_letter()
        if allowed:
            self.dead += 1
        else:
            self.seen -= 1
        return allowed

    def state(self) -> tuple[int, int, bool]:
        return self.seen, self.dead, self.blown

    def restore(self, state: tuple[int, int, bool]) -> None:
        """Forget what was counted since `state`."""
        self.seen, self.dead, self.blown = state

    def words(self, shard: int) -> str:
        return (
            f"{self.dead} of the last {self.seen} entries of shard {shard} could not be recorded; "
            "see `flowledger dead-letters list`, mend the cause, then `flowledger resume`"
        )
