"""Each preset against a server that answers as its vendor's documentation says.

The same made-up company is behind all of them. A list that ends early, a token that expires, a
limit, an error and a lost right never look like people who left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from scimsync.errors import SourceUnavailable
from scimsync.sources.http.preset import PRESETS, preset
from scimsync.sources.http.source import HttpSource
from scimsync.sources.workspace import Workspace
from tests.http_sources import FakeTime, records, spec_of
from tests.office import ENTERPRISE, Office
from tests.preset_cases import CASES, Case
from tests.servers.faulty import FaultyServer
from tests.servers.vendors import VENDORS
from tests.servers.vendors.server import Faults, Vendor

MAPPING = {
    "given_name": '"name.givenName" = "given_name"\n',
    "department": f'"{ENTERPRISE}:department" = "department"\n',
    "title": 'title = "title"\n',
    "email": '\'emails[type eq "work"].value\' = "email"\n',
}
"""Lines of the mapping, by column."""
PAGED = [case for case in CASES if not case.one_page]


@pytest.fixture
def start() -> Iterator[Any]:
    with ExitStack() as stack:

        def run(case: Case, faults: Faults | None = None) -> Vendor:
            server = case.server()
            server.faults = faults or Faults()
            stack.enter_context(server.running())
            return server

        yield run


def read(case: Case, server: Vendor, *columns: str, resource: str = "users") -> list[Any]:
    with Workspace() as workspace:
        spec = replace(spec_of(case.source(server, resource)), used=columns)
        return records(HttpSource(spec, workspace, FakeTime().source), workspace, *columns)


def names(cases: Any) -> list[str]:
    return [case.name for case in cases]


def test_each_preset_has_a_server_and_each_server_a_preset() -> None:
    assert set(PRESETS) == set(VENDORS) == set(names(CASES))


@pytest.mark.parametrize("case", CASES, ids=names(CASES))
def test_all_people_are_read_as_they_are(case: Case, start: Any) -> None:
    server = start(case)

    assert read(case, server, *case.columns) == case.expected(*case.columns)
    assert server.broken == []


@pytest.mark.parametrize("case", CASES, ids=names(CASES))
def test_all_other_columns_can_be_read(case: Case, start: Any) -> None:
    for name, resource in preset(case.name).resources.items():
        server = start(case)
        columns = [
            column
            for column, facts in resource.columns.items()
            if column != "id" and (facts.filled is None or column in case.columns)
        ]
        assert len(read(case, server, *columns, resource=name)) > 1
        assert server.broken == []


@pytest.mark.parametrize("case", [case for case in CASES if case.groups], ids=lambda one: one.name)
def test_the_members_of_groups_are_the_keys_of_people(case: Case, start: Any) -> None:
    server, staff = start(case), case.company()
    by_key = staff.by_key()

    found = read(case, server, "name", "member_ids", resource="groups")

    assert {group["name"]: sorted(group["member_ids"] or []) for group in found} == {
        group.name: sorted(case.id(by_key[key]) for key in group.members) for group in staff.groups
    }
    assert server.broken == []


@pytest.mark.parametrize("case", CASES, ids=names(CASES))
def test_a_limit_costs_time_only(case: Case, start: Any) -> None:
    server = start(case, Faults(limit_at=1 if case.one_page else 2))

    assert read(case, server, "user_name") == case.expected("user_name")
    assert server.faults.limit_at is None


@pytest.mark.parametrize("case", CASES, ids=names(CASES))
def test_credentials_that_expire_in_the_middle(case: Case, start: Any) -> None:
    server = start(case, Faults(expire_at=1 if case.one_page else 3))
    if not case.renews:
        server.authorized = lambda _request: server.data_requests < 3 and not case.one_page
        with pytest.raises(SourceUnavailable):
            read(case, server, "user_name")
        return

    assert read(case, server, "user_name") == case.expected("user_name")


@pytest.mark.parametrize("case", CASES, ids=names(CASES))
@pytest.mark.parametrize("fault", [Faults(fail_at=1), Faults(cut_at=1)], ids=["fails", "cut"])
def test_an_error_makes_the_source_unreadable(case: Case, fault: Faults, start: Any) -> None:
    later = 0 if case.one_page else 1
    server = start(
        case,
        Faults(
            fail_at=fault.fail_at and fault.fail_at + later,
            cut_at=fault.cut_at and fault.cut_at + later,
        ),
    )

    with pytest.raises(SourceUnavailable):
        read(case, server, "user_name")


@pytest.mark.parametrize("case", PAGED, ids=names(PAGED))
def test_a_page_that_repeats_makes_the_source_unreadable(case: Case, start: Any) -> None:
    server = start(case, Faults(repeat_at=2))

    with pytest.raises(SourceUnavailable, match=r"repeat|twice|records were received"):
        read(case, server, "user_name")


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.counted], ids=lambda case: case.name
)
def test_a_list_that_ends_early_is_unreadable(case: Case, start: Any) -> None:
    server = start(case, Faults(stop_at=1 if case.one_page else 2))

    with pytest.raises(SourceUnavailable):
        read(case, server, "user_name")


def test_a_server_of_a_standard_may_leave_out_the_total(start: Any) -> None:
    (case,) = (case for case in CASES if case.name == "oneroster")
    server = start(case)
    server.counts = False

    assert read(case, server, "user_name") == case.expected("user_name")


@pytest.mark.parametrize("case", CASES, ids=names(CASES))
def test_a_right_that_is_missing_from_the_start_is_named(case: Case, start: Any) -> None:
    server = start(case, Faults(hide="fields"))

    with pytest.raises(
        SourceUnavailable, match=r"has a value in 0 of|cannot see|reports an error"
    ) as caught:
        read(case, server, *case.columns)

    assert caught.value.code in ("SYNC-0265", "SYNC-0269")


LOST = [
    *((case, "fields") for case in CASES),
    *((case, "people") for case in CASES),
    *((case, "stop") for case in CASES if not case.counted),
]


@pytest.mark.parametrize(("case", "lost"), LOST, ids=[f"{case.name}-{lost}" for case, lost in LOST])
def test_what_is_no_longer_shown_never_looks_like_people_who_left(
    case: Case, lost: str, start: Any, office: Office, faulty: FaultyServer
) -> None:
    server = start(case)
    known = set(case.columns)
    optional = "".join(line for column, line in MAPPING.items() if column in known)
    office.configure(
        source=f"[sources.staff]{case.source(server)}",
        target=f'source = "staff"\nscope = "{"active" if "active" in known else "true"}"',
        user=f'externalId = "id"\nuserName = "user_name"\nactive = true\n{optional}',
    )
    assert office.push().exit_code == 0
    before = deepcopy(faulty.users)
    assert len(before) == len(case.company().active)

    server.faults = Faults(hide="" if lost == "stop" else lost)
    if lost == "stop":
        server.data_requests = 0
        server.faults.stop_at = 2

    ran = office.run("push")

    assert ran.code in (1, 3), ran
    assert faulty.users == before
