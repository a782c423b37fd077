"""`flowledger acl`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.acl import BLANK, Form, Role, as_command, as_line, database_of, password_of, rules, switch
from flowledger.cli.asked import settings_of


def command(
    role: Annotated[
        Role,
        typer.Argument(help="producer: publishes; agent: has a mailbox; worker; beat; flower; reader: status."),
    ],
    sandbox: Annotated[str | None, typer.Option(metavar="ID", help="Whose mailbox it is: for an agent.")] = None,
    name: Annotated[
        str | None, typer.Option(help="The user's name; default: flowledger-ROLE, of an agent with its sandbox.")
    ] = None,
    password_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Holds the password; - is standard input. Only its hash is written."),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="A line for the server's aclfile, or a command for redis-cli.")
    ] = Form.ACL_FILE,
) -> None:
    """Print the access rule of Redis or Valkey for a role: what it needs, and nothing else."""
    if (role is Role.AGENT) != bool(sandbox):
        words = f"a {role} has no mailbox" if sandbox else "an agent needs the id of its sandbox"
        raise typer.BadParameter(words, param_hint="--sandbox")
    settings = settings_of()
    password = None if password_file is None else password_of(password_file)
    rule = [*switch(password), *rules(role, sandbox or "", database_of(settings), settings.shards)]
    user = name or f"flowledger-{role}" + (f"-{sandbox}" if sandbox else "")
    if BLANK.search(user) or user == "default":
        raise typer.BadParameter(f"a user of Redis cannot be called {user[:100]!a}", param_hint="--name")
    print(as_line(user, rule) if form is Form.ACL_FILE else as_command(user, rule))
    if password is None:
        words = "note: without a password this user is off; give --password-file FILE, or - and a pipe"
        screen.err.print(screen.words(words), soft_wrap=True)
