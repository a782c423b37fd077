"""The fuse: a shard of which most entries fail is paused: a bad release buries little."""

from __future__ import annotations

from typing import Final

_KEPT: Final = 2
"""Of how many times the fuse's number of entries the outcomes count; older ones fade."""


class Fuse:
    """Of the last entries of one shard, how many there were and how many died.

    It blows where `most` of them died (0: never) and they are more than half of all.
    """

    def __init__(self, most: int, seen: int = 0, dead: int = 0) -> None:
        self._most = most
        self.seen = seen
        self.dead = dead
        self.blown = False

    def count(self, *, dead: bool) -> None:
        """One more entry, and what became of it."""
        self.seen += 1
        self.dead += dead
        if self._most and self.seen >= _KEPT * self._most:
            self.seen //= 2
            self.dead = -(-self.dead // 2)  # one that died is not forgotten before many have lived

    def allows_dead_letter(self) -> bool:
        """Whether one more entry may die; from the first that may not, the fuse is blown."""
        if self._most and self.dead >= self._most and 2 * self.dead > self.seen:
            self.blown = True
        return not self.blown

    def allows_another_death(self) -> bool:
        """Whether the last entry, which was counted and dies after all, may do so; it is counted, then."""
        allowed = self.allows_dead_letter()
        if allowed:
            self.dead += 1
        else:
            self.seen -= 1
        return allowed

    def state(self) -> tuple[int, int, bool]:
        return self.seen, self.dead, self.blown

    def restore(self, state: tuple[int, int, bool]) -> None:
        """Forgets what was counted since `state`: it is counted anew."""
        self.seen, self.dead, self.blown = state

    def words(self, shard: int) -> str:
        return (
            f"{self.dead} of the last {self.seen} entries of shard {shard} could not be recorded; "
            "see `flowledger dead-letters list`, mend the cause, then `flowledger resume`"
        )
