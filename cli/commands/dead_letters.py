"""`flowledger dead-letters …`: see what could not be recorded, mend it, send it again, or give it up."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Annotated, Final

import typer

from flowledger.cli import screen
from flowledger.cli.dead_letters.asked import (
    All,
    AsJson,
    By,
    Filters,
    Id,
    Ids,
    Which,
    chosen,
    full_ids,
    open_redis,
    open_replayer,
    open_storage,
    with_filters,
)
from flowledger.cli.dead_letters.done import do_all, do_each, do_edited, finish
from flowledger.cli.dead_letters.mending import changes_of
from flowledger.cli.dead_letters.shown import find, print_list, print_shown
from flowledger.cli.filters import warn_of_types
from flowledger.cli.people import agreed, who
from flowledger.domain.errors import LedgerError
from flowledger.domain.mending import Changes
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.workers.replay import Done

app: Final = typer.Typer(
    help="See what could not be recorded and why, mend it, send it again, or give it up.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command("list")
@with_filters
def list_(
    *,
    filters: Filters,
    status: Annotated[Which, typer.Option(help="In this status.")] = Which.OPEN,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 50,
    after: Annotated[str | None, typer.Option(help="Those behind the end of a page: what that page said.")] = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first, and say how many there are."""
    only = filters.of(status)
    with open_storage() as (_, storage), storage.reading() as connection:
        letters = DeadLetterRepository(connection)
        total = letters.count_of(only)
        page = letters.listed(only, limit=limit, after=after)
    if not total:
        warn_of_types([] if only.type is None else [only.type])
    if as_json:
        screen.print_json({"total": total, "dead_letters": [asdict(item) for item in page.items], "next": page.cursor})
    else:
        kind = "" if status is Which.ALL else f"{status} "
        print_list(page.items, total, f"{kind}dead letters", page.cursor)


@app.command()
def show(
    id_: Id,
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Write its exact bytes, and nothing else.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: why, its exact bytes, what was done with it and what came of that."""
    if raw and as_json:
        raise typer.BadParameter("give --raw or --json, not both", param_hint="--raw")
    with open_storage() as (settings, storage):
        whole_id = full_ids(storage, [id_])[0]
        with open_redis(settings) if settings.redis_url else nullcontext() as client:
            shown = find(storage, whole_id, client)
    if raw:
        _write_raw(shown.letter.raw)
    elif as_json:
        screen.print_json(shown.as_json())
    else:
        print_shown(shown)


@app.command()
@with_filters
def replay(
    ids: Ids = None,
    *,
    all_: All = False,
    filters: Filters,
    edit: Annotated[bool, typer.Option("--edit", help="Open the text in $VISUAL or $EDITOR first.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Set a field: JSON, or else text. As data.node=plan."),
    ] = None,
    set_text: Annotated[
        list[str] | None, typer.Option(metavar="PATH=TEXT", help="Set a field to a text, whatever it looks like.")
    ] = None,
    unset: Annotated[list[str] | None, typer.Option(metavar="PATH", help="Take a field away.")] = None,
    field_: Annotated[
        str | None,
        typer.Option("--field", metavar="FIELD", help="Of an entry with several fields, the one that is the event."),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="Send the bytes of FILE instead (- is standard input).")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also where it is replayed or discarded already.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent, and what not.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again, as they are or mended. Twice does no harm: an event counts once by source and id.

    Changes are done in this order: --from, --field, --unset, --set, --set-text, --edit. A path is written as the field
    of a dead letter is (data.to_sandbox_ids.0); a dot within a name as \\.
    """
    alone = ids is not None and len(ids) == 1
    if (edit or from_ is not None) and not alone:
        raise typer.BadParameter("one ID at a time can be edited, or given another text", param_hint="--edit, --from")
    if again and all_:
        raise typer.BadParameter("--all means open ones only; name the others", param_hint="--again")
    only = chosen(ids, filters, all_=all_)
    changes = changes_of(given=from_, field=field_, unset=unset or (), set_=set_ or (), set_text=set_text or ())
    name = who(by)
    with open_replayer() as (storage, replayer):

        def send(some: Sequence[str], changes: Changes = changes) -> list[Done]:
            if dry_run:
                return replayer.try_out(some, changes=changes, again=again)
            return replayer.replay(some, who=name, changes=changes, again=again)

        if edit:
            report = do_edited(storage, full_ids(storage, ids or [])[0], send, changes, again=again)
        elif ids:
            report = do_each(full_ids(storage, ids), send)
        else:
            report = do_all(replayer, only, send, quiet=as_json)
    finish(report, "replayed", as_json=as_json, dry_run=dry_run, changed=edit or bool(changes))


@app.command()
@with_filters
def discard(
    ids: Ids = None,
    *,
    all_: All = False,
    filters: Filters,
    why: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
    by: By = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first, as --all does on a terminal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give dead letters up. Their bytes are kept: `replay --again` still sends them."""
    only = chosen(ids, filters, all_=all_)
    name = who(by)
    with open_replayer() as (storage, replayer):

        def give_up(some: Sequence[str]) -> list[Done]:
            return replayer.discard(some, who=name, why=why)

        if ids:
            report = do_each(full_ids(storage, ids), give_up)
        else:
            if not yes:
                _ask_before_discarding(replayer.count(only))
            report = do_all(replayer, only, give_up, quiet=as_json)
    finish(report, "discarded", as_json=as_json)


def _ask_before_discarding(count: int) -> None:
    """Raise LedgerError if somebody at a terminal answers that they are not to be discarded."""
    question = f"Discard {count:,} dead letter{'' if count == 1 else 's'}?"
    if count and not agreed(question):
        raise LedgerError("nothing is discarded")


def _write_raw(raw: bytes) -> None:
    """To a file or a pipe as it is; to a terminal only what does it no harm."""
    text = raw.decode("utf-8", "surrogateescape")
    if sys.stdout.isatty() and screen.safe(text) != text:
        raise LedgerError("these bytes may confuse a terminal: send them to a file or a pipe, or leave out --raw")
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()
