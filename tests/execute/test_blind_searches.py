"""Creations without a response, at targets whose filters find nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.office import Office, people
from tests.servers.faulty import FaultyServer, Reply, Seen

SOON = timedelta(hours=1)
NO_GUARD = 'min_records = "0%"\nmax_updates = "100%"'


@pytest.fixture
def blind(faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> FaultyServer:
    """The server finds nobody by a filter, and takes any number of accounts of one name."""
    honest = faulty.answer

    def answer(seen: Seen) -> Reply:
        if seen.method == "GET" and "filter" in seen.query:
            return Reply(200, {"totalResults": 0, "Resources": []})
        return honest(seen)

    monkeypatch.setattr(faulty, "answer", answer)
    faulty.quirks.unique_names = False
    return faulty


@pytest.mark.parametrize("answer", [{"hang_up": True}, {"status": 500}, {"status": 204}])
@pytest.mark.parametrize("existing", [0, 1, 3])
@pytest.mark.parametrize("times", [1, 5])
def test_a_creation_without_a_response_makes_one_account(
    office: Office, blind: FaultyServer, answer: dict[str, object], existing: int, times: int
) -> None:
    office.configure(guard=NO_GUARD)
    if existing:
        office.hire(people(existing))
        assert office.push().exit_code == 0
    blind.fail("POST", effect=True, times=times, **answer)
    office.hire(people(existing + 1))

    office.push()
    blind.faults.clear()
    assert office.push(later=SOON).exit_code == 0

    assert len(blind.users) == existing + 1
    assert len({one["userName"] for one in blind.users.values()}) == existing + 1
    assert office.push(later=SOON).targets["wiki"].requests == 0


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"hang_up": True}, "no search works: /Users: only 0 of 9"),
        ({"status": 202}, "the response shows no account, and no search works: /Users: only 0 of"),
        ({"status": 204}, "the response shows no account, and no search works: /Users: only 0 of"),
    ],
)
def test_a_creation_that_no_search_settles_is_left_to_the_next_push(
    office: Office, blind: FaultyServer, answer: dict[str, object], says: str
) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    assert office.push().exit_code == 0
    short = {"totalResults": 9, "Resources": []}
    blind.fail(
        "GET", status=200, body=short, times=99, where=lambda seen: "filter" not in seen.query
    )
    blind.fail("POST", effect=True, **answer)
    office.hire(people(4))

    failed = office.push()

    assert failed.exit_code == 4
    (detail,) = [one.detail for one in office.journal() if one.status == "failed"]
    assert says in (detail or "")
    blind.faults.clear()
    assert office.push(later=SOON).exit_code == 0
    assert len(blind.users) == 4
