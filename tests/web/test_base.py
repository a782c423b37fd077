"""What all pages have in common: who may see them, their headers, what they say when something is wrong."""

from __future__ import annotations

from tests.web.site import PASSWORD, Site


def test_the_overview_is_for_whoever_signed_in(site: Site) -> None:
    assert site.get("/ledger", signed_in=False).status == 401
    page = site.get("/ledger")
    assert page.status == 200
    assert PASSWORD not in page.text
