"""An id is found by its log alone, if logs are kept for longer than rows (retention)."""

from __future__ import annotations

import pytest

from flowledger.storage.unit_of_work import Storage
from tests.cli.test_show_log_alone import let_go
from tests.services.retention.recording import OLD, execution, recorded, task
from tests.web.site import Site


@pytest.mark.parametrize(("id_", "type_"), [("task_1", "task.logged"), ("exec_1", "execution.logged")])
def test_the_log_is_shown_of_what_has_no_row_any_more(site: Site, storage: Storage, id_: str, type_: str) -> None:
    task(storage, OLD)
    execution(storage, OLD)
    recorded(storage, OLD, *((type_, id_, {"message": f"line {n}"}) for n in range(3)))
    let_go(storage)
    page = site.get("/ledger/find", q=id_)
    assert page.status == 200
    assert all(f"line {n}" in page.words for n in range(3))
    assert "nothing else names it" not in page.words
    assert page.queries <= 13
