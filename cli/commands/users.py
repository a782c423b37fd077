"""`flowledger users …`: passwords and sessions (docs/contract/users.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Final

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database, found
from flowledger.cli.layout import Cell, Column, print_table
from flowledger.cli.people import who
from flowledger.cli.schema import check_schema
from flowledger.cli.secret_input import secret_from_input
from flowledger.domain.errors import InvalidArgument
from flowledger.services.users import Users
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.paging import Page
from flowledger.storage.people.sessions import ListedSession
from flowledger.storage.unit_of_work import Storage

app: Final = typer.Typer(
    help="Set passwords of users; list and end their sessions.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

UserId = Annotated[str, typer.Argument(metavar="ID", help="The id of a user.")]
By = Annotated[str | None, typer.Option("--by", help="Who does it, for the audit log; default: the user's name.")]


@app.command()
def password(user_id: UserId, by: By = None, database: Database = None, as_json: AsJson = False) -> None:
    """Give a user a password: from standard input, or from a prompt that shows nothing. It ends all sessions."""
    with _users(database) as users:
        typed = secret_from_input(f"A password for {screen.safe(user_id)}")
        try:
            text = typed.decode()
        except UnicodeDecodeError:
            raise InvalidArgument("a password is a text in UTF-8") from None
        ended = users.set_password(user_id, text, by=who(by))
    if as_json:
        screen.print_json({"user_id": user_id, "sessions_ended": ended})
    else:
        screen.out.print(screen.words(f"{user_id}: the password is set, {_ended(ended)}"), soft_wrap=True)


@app.command()
def sessions(
    user_id: UserId,
    *,
    valid: Annotated[bool, typer.Option("--valid", help="Only those that are neither over nor revoked.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 50,
    after: Annotated[str | None, typer.Option(help="Those behind the end of a page: what that page said.")] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """List the sessions of a user, newest first; never a token."""
    with _users(database) as users:
        page = users.sessions(user_id, valid=valid, limit=limit, after=after)
    if as_json:
        screen.print_json({"sessions": [asdict(one) for one in page.items], "next": page.cursor})
    else:
        _print_sessions(page)


@app.command()
def revoke(
    user_id: UserId,
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="Only this one.")] = None,
    by: By = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """End all sessions of a user, or one."""
    with _users(database) as users:
        ended = users.revoke(user_id, session, by=who(by))
    if as_json:
        screen.print_json({"user_id": user_id, "sessions_ended": ended})
    else:
        screen.out.print(screen.words(f"{user_id}: {_ended(ended)}"), soft_wrap=True)


@contextmanager
def _users(database: str | None) -> Iterator[Users]:
    settings = found("database_url", database=database)
    check_schema(settings, database)
    with Storage(make_engine(settings)) as storage:
        yield Users(storage, session_seconds=settings.session_seconds)


def _ended(sessions: int) -> str:
    return f"{sessions:,} session{'' if sessions == 1 else 's'} ended"


def _print_sessions(page: Page[ListedSession]) -> None:
    rows: list[list[Cell]] = [
        [
            screen.words(one.id), screen.time(one.created_at), screen.time(one.expires_at),
            screen.time(one.revoked_at), screen.words(one.address), screen.words(one.user_agent, limit=60),
        ]
        for one in page.items
    ]  # fmt: skip
    names = ("session", "began", "expires", "revoked", "address", "browser")
    print_table("", tuple(Column(name, wraps=name == "browser") for name in names), rows)
    if page.cursor is not None:
        screen.out.print(f"more: --after {page.cursor}", style="dim", soft_wrap=True)
