"""What `flowledger seed` has made, as people read it."""

from __future__ import annotations

from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.layout import Column, print_table
from flowledger.services.seed import ADMIN, Admin, Seed, Seeded

_COLUMNS = (*map(Column, ("id", "name")), Column("", wraps=True))


def print_seed(found: Seed) -> None:
    """Print each record, whether it was made, and what is left to do for an admin."""
    print_table("Agents", _COLUMNS, [_row(one) for one in found.agents])
    if found.admin is not None:
        print_table("Admin", _COLUMNS, [_row(found.admin)])
        screen.out.print(screen.words(_to_do(found.admin)), soft_wrap=True)
    if not found.made:
        screen.out.print("all of it was there already; nothing was changed")


def _to_do(admin: Admin) -> str:
    if admin.made:
        return f"set a password: flowledger users password {admin.id}"
    if admin.role != ADMIN:
        return f"this user has the role {admin.role or 'user'}; it was not changed"
    return "this user was not changed"


def _row(one: Seeded) -> list[Text]:
    return [screen.words(one.id), screen.words(one.name), screen.words("made" if one.made else "was there already")]
