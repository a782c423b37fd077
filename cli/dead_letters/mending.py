"""How a person mends a dead letter: changes from options, or the text in an editor, as often as it takes."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import typer

from flowledger.cli import screen
from flowledger.cli.files import read_all
from flowledger.domain.errors import LedgerError
from flowledger.domain.json_pieces import closed_up, laid_out
from flowledger.domain.mending import Changes, json_of, json_of_text, path_of
from flowledger.domain.mending import Path as JsonPath
from flowledger.domain.records import DeadLetter
from flowledger.workers.replay import Done, Result

_EDITORS: Final = ("sensible-editor", "vim", "nano", "vi")
_COMMENT: Final = b"#"


class EditorFailed(LedgerError):
    """The editor could not be started, or said that it failed; nothing is sent."""


def changes_of(
    *, given: str | None, field: str | None, unset: Sequence[str], set_: Sequence[str], set_text: Sequence[str]
) -> Changes:
    """The changes that options ask for; raises typer.BadParameter, and LedgerError where a file cannot be read."""
    try:
        paths = tuple(path_of(path) for path in unset)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--unset") from None
    values = [_assignment(text, json_of, "--set") for text in set_]
    values += [_assignment(text, json_of_text, "--set-text") for text in set_text]
    return Changes(text=None if given is None else _read(given), field=field, unset=paths, set=tuple(values))


def replay_edited(
    letter: DeadLetter, changes: Changes, replay: Callable[[Changes], Done], *, interactive: bool
) -> Done | None:
    """Opens the editor with the dead letter's text (after `changes`), and replays what is saved.

    Where that is refused, and somebody sits there (`interactive`), the editor may be opened again. None where nothing
    was saved. Raises EditorFailed, and what `replay` raises.
    """
    raw, why = changes.apply(letter.raw), f"{letter.reason}: {letter.detail}"
    while True:
        edited = edit(raw, letter.id, why)
        if edited is None:
            return None
        done = replay(Changes(text=edited))
        if done.result is not Result.REFUSED or not interactive:
            return done
        screen.print_error(f"{letter.id} is still no event: {done.detail}")
        if not typer.confirm("Edit again?", default=True, err=True):
            return done
        raw, why = edited, done.detail


def edit(raw: bytes, name: str, why: str) -> bytes | None:
    """`raw` as somebody left it in the editor: as it was where nothing was changed; None where nothing was saved.

    JSON is laid out on lines, and closed up again afterwards. The file has the very bytes, also those that are not
    UTF-8; what becomes of them is the editor's affair.
    """
    shown = laid_out(raw) or raw
    given = _header(name, why) + shown + (b"" if shown.endswith(b"\n") else b"\n")
    saved = open_editor(given)
    if saved is None:
        return None
    if saved == given:
        return raw
    lines = saved.split(b"\n")
    while lines and lines[0].startswith(_COMMENT):
        lines.pop(0)
    text = b"\n".join(lines)
    if not text.strip():
        return None
    if text.rstrip(b"\r\n") == shown.rstrip(b"\r\n"):
        return raw
    return text.removesuffix(b"\n") if shown is raw else closed_up(text)


def open_editor(given: bytes) -> bytes | None:
    """What was saved of a file with the bytes `given` in $VISUAL, $EDITOR or what there is; None where nothing was."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or next(filter(shutil.which, _EDITORS), "vi")
    with tempfile.TemporaryDirectory(prefix="flowledger-") as folder:
        file = Path(folder) / "event.json"
        file.write_bytes(given)
        os.utime(file, (0, 0))  # whatever is saved is newer, also by a clock of whole seconds
        try:
            ended = subprocess.run([*shlex.split(command), str(file)], check=False)  # noqa: S603 - the user's editor
        except (OSError, ValueError) as error:
            raise EditorFailed(f"cannot start the editor {command!a}: {error}; set VISUAL or EDITOR") from None
        if ended.returncode:
            raise EditorFailed(f"the editor {command!a} ended with {ended.returncode}; nothing is sent")
        return None if not file.exists() or file.stat().st_mtime == 0 else file.read_bytes()


def _header(name: str, why: str) -> bytes:
    lines = (
        f"{name} was refused: {' '.join(screen.safe(why).split())[:500]}",
        "Save, and what stands below is sent; quit without saving, and nothing is. Lines like these are left out.",
    )
    return "".join(f"# {line}\n" for line in lines).encode()


def _assignment(text: str, value_of: Callable[[str], str], option: str) -> tuple[JsonPath, str]:
    path, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text[:80]!a} is not PATH=VALUE, like data.node=plan", param_hint=option)
    try:
        return path_of(path), value_of(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _read(file: str) -> bytes:
    try:
        return read_all(file)
    except OSError as error:
        raise LedgerError(f"cannot read {file}: {error.strerror}") from None
