"""Erase 1,000 of 100,000 executions under load, on PostgreSQL and on SQLite, and say what was found."""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

import redis
from sqlalchemy import create_engine, make_url, text

from flowledger import migrations
from flowledger.cli.embedded import embedded_postgres_server, embedded_valkey_server
from flowledger.cli.leftovers import leave_nothing_running
from flowledger.storage.unit_of_work import Storage
from tests.conftest import settings_for
from tests.erasing.files import found_in_files, is_in_dump
from tests.erasing.trial import KEPT, trial
from tests.services.erasing.canaries import CANARY, found_in_file


def main() -> None:
    """Run the trial on each kind of database. Exit with 1 if anything is left, missing or different."""
    leave_nothing_running()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--erased", type=int, default=1_000)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), action="append")
    given = parser.parse_args()
    wells = [_on(kind, given.executions, given.erased) for kind in given.database or ("postgresql", "sqlite")]
    raise SystemExit(0 if all(wells) else 1)


def _on(kind: str, executions: int, erased: int) -> bool:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(embedded_valkey_server(folder / "valkey"))
        if kind == "sqlite":
            url = f"sqlite:///{folder / 'ledger.db'}"
        else:
            server = stack.enter_context(embedded_postgres_server(folder / "postgresql"))
            address = make_url(server.url).set(drivername="postgresql+psycopg2")
            admin = create_engine(address, isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                connection.execute(text("CREATE DATABASE trial"))
            admin.dispose()
            url = address.set(database="trial").render_as_string(hide_password=False)
        settings = settings_for(url, broker.url, home=folder / "home")
        client = stack.enter_context(closing(redis.Redis.from_url(broker.url)))
        storage = stack.enter_context(Storage.open(url))
        migrations.upgrade(storage.engine)
        tell = partial(_tell, kind, time.monotonic())
        found = trial(settings, storage, client, executions=executions, erased=erased, tell=tell)
        files = _files_with(CANARY, url, client, storage)
        assert _files_with(KEPT, url, client, storage), "what is kept must be found, or the search proves nothing"
    print(kind, asdict(found), f"files: {files}", "well" if found.is_well and not files else "NOT WELL", flush=True)
    return found.is_well and not files


def _tell(kind: str, began: float, words: str) -> None:
    print(f"{kind} {time.monotonic() - began:6.0f} s  {words}", flush=True)


def _files_with(said: str, url: str, client: redis.Redis, storage: Storage) -> list[str]:
    """Return the files that hold a text: Redis's own after a rewrite, a dump of PostgreSQL, SQLite's after VACUUM."""
    of_redis = found_in_files(client, said)
    if storage.engine.dialect.name == "sqlite":
        return [*of_redis, *found_in_file(storage, said)]
    return [*of_redis, *(["a dump"] if is_in_dump(url, said) else [])]


if __name__ == "__main__":
    main()
