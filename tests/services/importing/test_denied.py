"""An import with the rights of a role: those of workers suffice, and one that lacks some ends and says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from flowledger.domain.settings import Settings
from flowledger.services.importing.batches import TooManyFail
from flowledger.services.importing.importer import Importer
from flowledger.services.importing.patience import RightMissing
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.conftest import settings_for
from tests.services.importing.importing import (
    BATCH,
    Heard,
    created,
    import_file,
    import_lines,
    import_until,
    places,
    written,
)
from tests.storage.recording import count
from tests.storage.test_audit import worker_url

__all__ = ["worker_url"]

SCHEDULE = raw("schedule.created", subject="s", expression="0 * * * *")


def change(owner: Storage, statement: str, worker_url: str) -> None:
    with owner.writing() as connection:
        connection.execute(text(f"{statement} {make_url(worker_url).username}"))


def test_a_workers_role_imports_to_the_end_and_has_schedules_watched(
    worker_url: str, postgresql_storage: Storage, tmp_path: Path
) -> None:
    file = written(tmp_path, *created(3 * BATCH), SCHEDULE)
    assert import_until(settings_for(worker_url), file, BATCH).unfinished
    report = import_file(settings_for(worker_url), file)
    assert (report.unfinished, report.skipped >= BATCH, places(postgresql_storage)) == ("", True, 0)
    assert count(postgresql_storage, "events") == 3 * BATCH + 1
    assert count(postgresql_storage, "schedule_changes") == 1


def test_a_workers_role_begins_anew_after_too_many_dead_letters(
    worker_url: str, postgresql_storage: Storage, tmp_path: Path
) -> None:
    settings = settings_for(worker_url).model_copy(update={"fuse_entries": BATCH // 2})
    import_lines(settings, tmp_path, *created(4 * BATCH))
    others = [raw("task.created", id=f"n{place}", subject="other") for place in range(4 * BATCH)]
    with pytest.raises(TooManyFail):
        import_lines(settings, tmp_path, *others)
    assert places(postgresql_storage) == 0


@pytest.mark.parametrize("right", ["INSERT ON schedule_changes", "INSERT ON tasks", "UPDATE ON checkpoints"])
@pytest.mark.parametrize("processes", [1, 2])
def test_an_import_that_lacks_a_right_says_which_and_goes_on_when_it_is_given(
    worker_url: str, postgresql_storage: Storage, tmp_path: Path, right: str, processes: int
) -> None:
    change(postgresql_storage, f"REVOKE {right} FROM", worker_url)
    settings = settings_for(worker_url)
    importer = Importer(settings, deliver=False, processes=processes, watcher=Heard())
    file = written(tmp_path, *created(3), SCHEDULE)
    user, table = make_url(worker_url).username, right.rsplit(maxsplit=1)[-1]
    told = rf"table {table}: the role {user} .*grants\.sql \(by then \d events"
    with pytest.raises(RightMissing, match=told) as raised:
        importer.run([str(file)])
    assert importer.report.unfinished == str(raised.value)
    change(postgresql_storage, f"GRANT {right} TO", worker_url)
    assert import_file(settings, file).unfinished == ""
    assert count(postgresql_storage, "events") == 4
    assert (places(postgresql_storage), count(postgresql_storage, "schedule_changes")) == (0, 1)


def test_a_role_that_may_not_make_partitions_is_told_so(
    worker_url: str, postgresql_storage: Storage, tmp_path: Path
) -> None:
    change(postgresql_storage, "REVOKE EXECUTE ON FUNCTION ledger_make_partitions FROM", worker_url)
    with postgresql_storage.writing() as connection:
        of = "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent::regclass::text = 'event_texts'"
        for name in connection.execute(text(of)).scalars().all():
            connection.execute(text(f"DROP TABLE {name}"))
    with pytest.raises(RightMissing, match="permission denied for function ledger_make_partitions"):
        import_lines(settings_for(worker_url), tmp_path, *created(3))


def test_a_file_of_sqlite_that_may_not_be_written_is_no_database_that_is_away(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = settings_for(sqlite_url)

    def read_only(settings: Settings) -> object:
        engine = make_engine(settings)
        with engine.connect() as connection:  # the pool keeps it
            connection.exec_driver_sql("PRAGMA query_only = ON")
        return engine

    monkeypatch.setattr("flowledger.services.importing.recording.make_engine", read_only)
    with pytest.raises(RightMissing, match=re.escape("readonly database: an import needs the right to write")):
        import_lines(settings, tmp_path, *created(3))
