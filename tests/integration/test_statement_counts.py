"""How many SQL statements a push costs when little has changed.

`pytest -s` prints which function of the state each statement comes from, and which function called
that one.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.office import Office, Row, counts, people, person
from tests.security_events import audit_table

HOUR = timedelta(hours=1)
NOTHING_CHANGED = people(8)
ONE_CHANGED = [person(1, dept="Sales"), *people(8)[1:]]
ONE_ADDED = people(9)
ONE_REMOVED = people(7)

CASES: dict[str, tuple[list[Row], dict[str, int], int]] = {
    "nothing changed": (NOTHING_CHANGED, {}, 34),
    "one row changed": (ONE_CHANGED, {"update": 1}, 58),
    "one row added": (ONE_ADDED, {"create": 1}, 69),
    "one row removed": (ONE_REMOVED, {"deactivate": 1}, 60),
}


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count statements by call site, without BEGIN and COMMIT."""
    sites: Counter[str] = Counter()

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            sites[_site()] += 1

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield sites
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def _site() -> str:
    frames = [
        f"{frame.filename.partition('/scimsync/')[2]} {frame.name}"
        for frame in traceback.extract_stack()
        if "/scimsync/" in frame.filename
    ]
    inner = [frame for frame in frames if frame.startswith("state/")]
    outer = [frame for frame in frames if not frame.startswith("state/")]
    return f"{(inner or frames)[-1]:45} from {' > '.join(outer[-2:])}"


@pytest.mark.parametrize("case", CASES)
def test_a_push_costs_few_statements(office: Office, case: str) -> None:
    rows, expected, at_most = CASES[case]
    office.hire(people(8))
    office.push()
    office.push(later=HOUR)
    office.hire(rows)

    with counted() as sites:
        outcome = office.push(later=HOUR)

    breakdown = "\n".join(f"{number:4} {site}" for site, number in sites.most_common())
    print(f"\n{case}: {sites.total()} statements\n{breakdown}")
    assert counts(outcome) == expected
    assert sites.total() <= at_most, breakdown


@pytest.mark.parametrize("case", CASES)
def test_events_cost_two_statements_where_something_changed(office: Office, case: str) -> None:
    rows, expected, at_most = CASES[case]
    events = audit_table(office.folder, 'file = "events.ndjson"')
    office.configure(more=events)
    office.hire(people(8))
    office.push()
    office.push(later=HOUR)
    office.hire(rows)

    with counted() as sites:
        outcome = office.push(later=HOUR)

    assert counts(outcome) == expected
    assert sites.total() <= at_most + (2 if expected else 0)
