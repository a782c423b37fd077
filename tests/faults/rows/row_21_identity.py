"""Row 21: two senders use one id; and an attacker, with one key and an agent's rights, speaks about what is others'.

Each message arrives or its sender is told, the tables say the truth, and the attacker changes and reads nothing.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final

import redis as redis_py
from pydantic import SecretBytes
from sqlalchemy import select

from flowledger.cli.acl import Role
from flowledger.domain import streams
from flowledger.domain.envelope import LEDGER_SOURCE
from flowledger.domain.key_file import KeyFile, write_keys
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from flowledger.workers.redelivery import redeliver
from tests.faults.forging import REPLAY_SECONDS, signed_by
from tests.faults.identities import (
    ANN,
    BEN,
    CAT,
    EVE,
    REGISTRAR,
    WORKSPACE,
    Said,
    judge_messages,
    mailbox,
    message,
    raw,
    send_pairs,
    take_all,
)
from tests.faults.judge import Others, Verdict
from tests.faults.servers import Plan
from tests.faults.telling import client_of, user_settings
from tests.faults.trial import Dose, Row, Trial

_SECRET: Final = "canary-of-ann-for-cat-alone"
_LATER: Final = {"sequence": "999999999999"}
"""What makes an event stand over all others about its subject."""


def run(trial: Trial) -> None:
    """Two senders and one id, without and with signatures; then the attacker."""
    world = trial.world
    keys = _make_keys(trial)
    _two_senders(trial, world.direct, None)
    world.kill_workers()
    signing = {"LEDGER_SIGNATURES": "required", "LEDGER_KEY_FILE": str(keys.path)}
    world.add_worker(**signing, LEDGER_REPLAY_SECONDS=str(REPLAY_SECONDS))
    settings = world.direct.model_copy(update={"signatures": "required", "key_file": keys.path})
    _two_senders(trial, settings, keys)
    attack = _Attack(trial, settings, keys)
    attack.run()
    trial.others = Others(strangers=True, bodies=frozenset(_buried(trial)))
    trial.judge(marks_lost=True)
    world.kill_workers()


def _make_keys(trial: Trial) -> KeyFile:
    path = trial.world.folder / f"keys-{trial.accepted_folder.name}.json"
    names = (ANN, BEN, CAT, EVE, WORKSPACE, REGISTRAR, LEDGER_SOURCE)
    write_keys(path, {name: {"k1": SecretBytes(f"a secret of {name}, 16 bytes or more".encode())} for name in names})
    return KeyFile(path)


def _two_senders(trial: Trial, settings: Settings, keys: KeyFile | None) -> None:
    how = "without signatures" if keys is None else "with signatures"
    trial.tell(f"two senders and {trial.dose.events:,} ids, {how}")
    prefix, owned = trial.name("order"), keys is not None
    with mailbox(CAT, settings, keys) as inbox:
        said = send_pairs(settings, keys, prefix, range(trial.dose.events))
        trial.outcome.faults += trial.dose.events
        got = take_all(inbox, trial.world.is_delivered)
        trial.drain()
    with trial.world.engine.connect() as connection:
        told = judge_messages(connection, said, prefix, got, trial.outcome.verdict, owned=owned)
        missed = Verdict()
        judge_messages(connection, [*said, Said(ANN, -7, "never")], prefix, got, missed, owned=owned)
    trial.control("a message that never came, and of which nobody was told, is missed", missed.errors)
    trial.note(
        f"{len(said):,} messages under {trial.dose.events:,} ids, {how}: {len(got):,} came, {told:,} are dead letters"
    )


def _buried(trial: Trial) -> list[bytes]:
    """What was refused here was judged here."""
    with trial.world.engine.connect() as connection:
        return [bytes(letter) for letter in connection.execute(select(tables.dead_letters.c.raw)).scalars()]


class _Attack:
    """What Eve tries; then whether she changed, suppressed or read anything."""

    def __init__(self, trial: Trial, settings: Settings, keys: KeyFile) -> None:
        self._trial = trial
        self._settings = settings
        self._keys = keys
        self._eve: Any = client_of(user_settings(trial, Role.AGENT, EVE))
        self._name = trial.name("attack")

    def run(self) -> None:
        """Honest agents set themselves up and send; Eve tries; honest agents go on; Redis loses its data."""
        trial, secret, guessed = self._trial, f"msg_{self._name}", f"msg_{self._name}_guessed"
        with mailbox(ANN, self._settings, self._keys) as ann, mailbox(CAT, self._settings, self._keys) as cat:
            self._register()
            trial.drain()
            ann.broadcast(WORKSPACE, "before Eve")
            self._suppress(guessed)
            trial.drain()
            sent = ann.send(CAT, _SECRET, id=secret)
            trial.drain()
            before = self._rows(sent.message_id)
            self._replace(sent.message_id)
            self._join_and_throw_out()
            self._foreign_keys()
            trial.drain()
            self._must(self._rows(sent.message_id) == before, "changed another's message, or its deliveries")
            ann.send(CAT, "guessed", id=guessed)
            ann.broadcast(WORKSPACE, "to members")
            trial.drain()
            heard = [one.content for one in take_all(cat, trial.world.is_delivered)]
            for wanted in (_SECRET, "guessed", "to members"):
                self._must(wanted in heard, f"suppressed {wanted!r}")
            trial.control("the members of a workspace hear a broadcast", "before Eve" in heard)
            self._lose_and_redeliver()
        inbox = repr(trial.world.redis.xrange(streams.inbox(EVE)))
        self._must(_SECRET not in inbox, "read another's message after a redelivery")
        self._must("to members" not in inbox, "heard a broadcast of a workspace that she joined by herself")

    def _must(self, holds: bool, what: str) -> None:
        if not holds:
            self._trial.shortcoming(f"Eve {what};")

    def _register(self) -> None:
        """Ann and Cat are members of the workspace, by the word of its key."""
        for name in (ANN, CAT):
            event = {"type": "sandbox.created", "subject": name, "data": {"workspace_id": WORKSPACE}}
            self._add(self._trial.world.redis, event | {"source": f"/workspaces/{WORKSPACE}"}, WORKSPACE)

    def _suppress(self, guessed: str) -> None:
        """Messages under an id that Ann will use, to Eve herself and to Cat; an event under a name that Ann may use."""
        for to in (EVE, CAT):
            self._message(guessed, to)
        event = {"type": "task.started", "subject": "task_eve", "source": f"/sandboxes/{ANN}"}
        self._add(self._eve, event, EVE)

    def _replace(self, message_id: str) -> None:
        """Everything that could be said about another's recorded message."""
        for to in (EVE, CAT):
            self._message(message_id, to, **_LATER)
            self._message(message_id, to, source=f"/sandboxes/{ANN}", **_LATER)
            self._message(message_id, to, partitionkey=CAT, time="2200-01-01T00:00:00Z")
        for type_ in ("message.delivered", "message.failed"):
            event = {"type": type_, "subject": message_id, "data": {"to_sandbox_id": EVE, "reason": "x"}}
            self._add(self._eve, event, EVE)

    def _join_and_throw_out(self) -> None:
        """Membership by events that are unsigned, or signed by Eve, who has no say in it."""
        changes = ((EVE, {"workspace_id": WORKSPACE}), (CAT, {"workspace_id": None}), (CAT, {"workspace_id": "ws_eve"}))
        for (subject, data), type_, by in (
            (change, type_, by)
            for change in changes
            for type_ in ("sandbox.created", "sandbox.updated")
            for by in (None, EVE)
        ):
            self._add(self._eve, {"type": type_, "subject": subject, "data": data} | _LATER, by)
        self._add(self._eve, {"type": "workspace.archived", "subject": WORKSPACE} | _LATER, EVE)

    def _foreign_keys(self) -> None:
        """Commands on keys of another's inbox."""
        allowed = []
        for command in (
            ("XADD", streams.inbox(CAT), "*", "event", "x"),
            ("XRANGE", streams.inbox(CAT), "-", "+"),
            ("XREADGROUP", "GROUP", "mailbox", "eve", "STREAMS", streams.inbox(CAT), ">"),
            ("HSET", streams.consumers(CAT), "1", "99999999999999"),
            ("ZADD", streams.taken(CAT), "1", "msg"),
            ("XDEL", streams.stream(0), "1-1"),
            ("XRANGE", streams.stream(0), "-", "+"),
        ):
            self._trial.outcome.faults += 1
            with contextlib.suppress(redis_py.exceptions.NoPermissionError):
                self._eve.execute_command(*command)
                allowed.append(" ".join(command[:2]))
        self._must(not allowed, f"may use {allowed}")

    def _message(self, subject: str, to: str, **attributes: Any) -> None:
        event_id = f"{self._name}-{self._trial.outcome.faults}"
        text = message(EVE, subject, event_id, [to], "Eve's words", **attributes)
        self._send(self._eve, signed_by(text, self._keys, EVE))

    def _add(self, client: Any, event: dict[str, Any], by: str | None) -> None:
        whole = {
            "specversion": "1.0",
            "id": f"{self._name}-{self._trial.outcome.faults}",
            "source": f"/sandboxes/{EVE}",
        }
        text = raw(whole | event)
        self._send(client, text if by is None else signed_by(text, self._keys, by))

    def _send(self, client: Any, text: bytes) -> None:
        self._trial.outcome.faults += 1
        client.xadd(streams.stream(self._trial.random.randrange(self._settings.shards)), {streams.FIELD: text})

    def _rows(self, message_id: str) -> list[Any]:
        """The message and its deliveries, but for what moves by itself.

        That Eve says of herself that she has it makes a row (decision 30); that it was sent to her would be another.
        """
        sent, ends = tables.messages, tables.message_deliveries.c
        with self._trial.world.engine.connect() as connection:
            stands = connection.execute(select(sent).where(sent.c.id == message_id)).all()
            to = select(ends.to_sandbox_id).where(ends.message_id == message_id).order_by(ends.to_sandbox_id)
            to = to.where((ends.to_sandbox_id != EVE) | ends.sent_at.is_not(None))
            return [*stands, *connection.execute(to).scalars()]

    def _lose_and_redeliver(self) -> None:
        self._trial.world.redis.flushall()
        self._trial.outcome.faults += 1
        with contextlib.closing(connect(self._settings)) as client:
            redeliver(client, self._settings, Storage(self._trial.world.engine))
        self._trial.wait(self._trial.world.is_drained, "an empty backlog")


ROW: Final = Row(
    number=21,
    title="two senders and one id; an attacker with one key and an agent's rights",
    run=run,
    sample=Dose(faults=1, events=24),
    long=Dose(faults=1, events=1_000),
    plan=Plan(workers=2),
)
