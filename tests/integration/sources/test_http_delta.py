"""Reads that bring only what changed, from a server that answers delta queries as Microsoft says.

Each test reads on several days, and compares with what the whole list holds: whatever goes wrong
with the changes leads to a read of everything, and never to people who are gone.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scimsync.errors import SourceUnavailable
from scimsync.sources.http.source import HttpSource
from scimsync.sources.kept_read import kept_read_path
from scimsync.sources.workspace import Workspace
from tests.delta_histories import live_a_day
from tests.http_sources import FakeTime, records, spec_of
from tests.preset_cases import CASES
from tests.servers.faulty_http import FaultyHttpServer, Reply, Seen
from tests.servers.vendors.entra import Entra
from tests.sources_company import Company, Person, company

(CASE,) = (case for case in CASES if case.name == "entra")
COLUMNS = ("user_name", "email", "given_name", "family_name", "department", "active")
MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)
DAY = timedelta(days=1)
Rows = list[dict[str, Any]]


class Tenant:
    """A tenant, the file of kept reads, and the clock of a source that reads its users."""

    def __init__(self, server: Entra, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.now = MONDAY
        self.options = "delta = true"
        self.columns: tuple[str, ...] = COLUMNS

    @property
    def kept(self) -> Path:
        """The file of the kept read."""
        return kept_read_path(self.folder, "staff")

    @property
    def people(self) -> dict[str, Person]:
        """The users by their keys."""
        return dict(self.server.company.by_key())

    def become(self, people: dict[str, Person]) -> None:
        """Replace all users."""
        self.server.change_to(Company(tuple(people.values()), ()))

    def edit(self, key: str, **changes: Any) -> None:
        """Change a user."""
        people = self.people
        self.become(people | {key: replace(people[key], **changes)})

    def remove(self, *keys: str) -> None:
        """Delete users."""
        self.become({key: one for key, one in self.people.items() if key not in keys})

    def read(self, *, stores: bool = True, whole: bool = False) -> Rows:
        """Return the records that the source gives."""
        self.server.seen.clear()
        return self._read(self.options, stores=stores, whole=whole)

    def next_day(self) -> Rows:
        """Return the records that the source gives a day later."""
        self.now += DAY
        return self.read()

    def listed(self) -> Rows:
        """Return the records of the whole list."""
        asked = list(self.server.seen)
        rows = self._read("", stores=False, whole=False)
        self.server.seen[:] = asked
        return rows

    def asked(self) -> str:
        """Return what the last read asked for: changes, all users by their feed, or the list."""
        words = []
        for request in self.server.seen:
            if request.path.endswith("/users"):
                words.append("list")
            elif request.path.endswith("/delta") and "$skiptoken" not in request.query:
                words.append("changes" if "$deltatoken" in request.query else "all")
        return " ".join(dict.fromkeys(words))

    def _read(self, options: str, *, stores: bool, whole: bool) -> Rows:
        spec = spec_of(CASE.source(self.server, more=options), self.folder)
        assert spec.keeping is not None
        keeping = replace(spec.keeping, now=self.now, stores=stores, whole=whole)
        with Workspace() as workspace:
            spec = replace(spec, used=self.columns, keeping=keeping)
            return records(HttpSource(spec, workspace, FakeTime().source), workspace, *self.columns)


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Tenant]:
    server = Entra(company(60, 0))
    server.page_limit = 25
    with server.running():
        yield Tenant(server, tmp_path)
    assert server.broken == []


def first(tenant: Tenant, number: int) -> list[str]:
    return list(tenant.people)[:number]


def test_the_first_read_brings_all_and_the_second_what_changed(tenant: Tenant) -> None:
    assert tenant.read() == tenant.listed()
    assert tenant.asked() == "all"
    created = replace(company(61, 0).people[60], key="900001", email="new@example.com")
    tenant.become(tenant.people | {created.key: created})
    edited, gone, left = first(tenant, 3)
    tenant.edit(edited, department="Legal")
    tenant.edit(left, active=False)
    tenant.remove(gone)

    rows = tenant.next_day()

    assert rows == tenant.listed()
    assert tenant.asked() == "changes"
    assert len(tenant.server.seen) == 2  # the token, and one page
    assert {row["key"] for row in rows} >= {created.key, edited, left}
    assert gone not in {row["key"] for row in rows}


def test_a_read_without_changes_is_one_request(tenant: Tenant) -> None:
    before = tenant.read()

    assert tenant.next_day() == before
    assert tenant.asked() == "changes"


def test_changes_on_several_pages(tenant: Tenant) -> None:
    tenant.read()
    tenant.become(
        {key: replace(one, title="x", department="y") for key, one in tenant.people.items()}
    )

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes"


def test_a_user_who_was_restored(tenant: Tenant) -> None:
    tenant.read()
    (key,) = first(tenant, 1)
    user = tenant.people[key]
    tenant.remove(key)
    assert key not in {row["key"] for row in tenant.next_day()}
    tenant.become(tenant.people | {key: user})

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes"


def test_a_user_who_was_deleted_and_restored_between_two_reads(tenant: Tenant) -> None:
    before = tenant.read()
    (key,) = first(tenant, 1)
    people = tenant.people
    tenant.remove(key)
    tenant.become(people)

    assert tenant.next_day() == before == tenant.listed()


def test_a_user_who_was_deleted_for_good_after_being_deleted(tenant: Tenant) -> None:
    tenant.read()
    (key,) = first(tenant, 1)
    tenant.remove(key)
    tenant.next_day()
    tenant.server.delta.purge(key)

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes"


def test_changes_that_come_again_change_nothing(tenant: Tenant) -> None:
    tenant.read()
    edited, gone = first(tenant, 2)
    tenant.edit(edited, department="Legal")
    tenant.remove(gone)
    tenant.next_day()
    tenant.edit(edited, department="Finance")
    tenant.server.delta.faults.replays = 10

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes"


def test_properties_of_a_user_in_two_records(tenant: Tenant) -> None:
    tenant.server.delta.faults.apart = True
    assert tenant.read() == tenant.listed()
    assert tenant.asked() == "all"
    for key in first(tenant, 40):
        tenant.edit(key, given_name="Anna", department="Legal")

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes"


def test_a_property_that_was_cleared_is_cleared(tenant: Tenant) -> None:
    tenant.read()
    (key,) = first(tenant, 1)
    tenant.edit(key, department=None)

    rows = {row["key"]: row for row in tenant.next_day()}

    assert rows[key]["department"] is None
    assert list(rows.values()) == tenant.listed()


def expired(tenant: Tenant) -> None:
    tenant.server.delta.faults.expired_before = tenant.server.delta.number + 1


def moved(tenant: Tenant) -> None:
    tenant.server.delta.faults.gone = True


def other_tenant(tenant: Tenant) -> None:
    tenant.server.delta.tenant = "another"


def contradicts(tenant: Tenant) -> None:
    (key,) = first(tenant, 1)
    tenant.edit(key, department="Legal")
    tenant.server.delta.faults.untrue = key


def damaged(tenant: Tenant) -> None:
    text = tenant.kept.read_bytes()
    middle = len(text) // 2
    tenant.kept.write_bytes(text[:middle] + bytes([text[middle] ^ 1]) + text[middle + 1 :])


def cut_short(tenant: Tenant) -> None:
    text = tenant.kept.read_bytes()
    tenant.kept.write_bytes(text[: len(text) // 2])


def without_a_line(tenant: Tenant) -> None:
    lines = tenant.kept.read_bytes().splitlines(keepends=True)
    tenant.kept.write_bytes(b"".join(lines[:5] + lines[6:]))


def elsewhere(tenant: Tenant) -> None:
    text = tenant.kept.read_bytes()
    tenant.kept.write_bytes(text.replace(tenant.server.url.encode(), b"http://203.0.113.1:80"))


def other_columns(tenant: Tenant) -> None:
    tenant.columns = (*COLUMNS, "title")


def other_settings(tenant: Tenant) -> None:
    tenant.options += '\nheaders = { X-Purpose = "sync" }'


def a_week_later(tenant: Tenant) -> None:
    tenant.now += 7 * DAY


def clock_went_back(tenant: Tenant) -> None:
    tenant.now -= 30 * DAY


def many_are_gone(tenant: Tenant) -> None:
    tenant.remove(*first(tenant, 6))


@pytest.mark.parametrize(
    "odd",
    [
        expired,
        moved,
        other_tenant,
        contradicts,
        damaged,
        cut_short,
        without_a_line,
        elsewhere,
        other_columns,
        other_settings,
        a_week_later,
        clock_went_back,
        many_are_gone,
    ],
)
def test_whatever_is_odd_leads_to_a_read_of_everything(tenant: Tenant, odd: Any) -> None:
    tenant.read()
    edited, gone = first(tenant, 8)[6:]
    tenant.edit(edited, department="Legal")
    tenant.remove(gone)
    odd(tenant)
    tenant.now += timedelta(minutes=5)

    rows = tenant.read()

    assert rows == tenant.listed()
    assert tenant.asked() in ("all", "changes all", "changes all list")
    assert tenant.server.delta.faults.untrue or tenant.asked() != "changes all list"
    tenant.server.delta.faults.__init__()  # type: ignore[misc]
    tenant.now += timedelta(minutes=5)
    tenant.edit(edited, department="Finance")
    assert tenant.read() == tenant.listed()


def test_a_new_user_who_is_not_whole_leads_to_a_read_of_everything(tenant: Tenant) -> None:
    tenant.read()
    created = replace(tenant.people[first(tenant, 1)[0]], key="900001", email="n@example.com")
    tenant.become(tenant.people | {created.key: created})
    tenant.server.delta.faults.partial = True

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes all list"  # where it is not whole either


def test_a_page_that_ends_in_the_middle_of_the_changes(tenant: Tenant) -> None:
    tenant.read()
    for key in first(tenant, 40):
        tenant.edit(key, department="Legal")
    delta = tenant.server.delta
    delta.faults.cut = {delta.pages + 1}

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes all"


def test_a_response_that_breaks_off(tenant: Tenant) -> None:
    tenant.read()
    tenant.edit(first(tenant, 1)[0], department="Legal")
    tenant.server.faults.cut_at = tenant.server.data_requests + 1

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes all"


def test_a_token_that_expires_while_changes_are_read(tenant: Tenant) -> None:
    tenant.read()
    for key in first(tenant, 40):
        tenant.edit(key, department="Legal")
    tenant.server.faults.expire_at = tenant.server.data_requests + 2

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes"


def test_a_limit_while_changes_are_read_costs_time_only(tenant: Tenant) -> None:
    tenant.read()
    tenant.edit(first(tenant, 1)[0], department="Legal")
    tenant.server.faults.limit_at = tenant.server.data_requests + 1

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes"


def test_a_server_that_fails_in_the_middle_leaves_the_kept_read(tenant: Tenant) -> None:
    tenant.read()
    for key in first(tenant, 40):
        tenant.edit(key, department="Legal")
    before = tenant.kept.read_bytes()
    tenant.server.faults.fail_at = tenant.server.data_requests + 2

    with pytest.raises(SourceUnavailable):
        tenant.next_day()

    assert tenant.kept.read_bytes() == before
    tenant.server.faults.fail_at = None
    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes"


def test_a_change_while_all_users_are_read_comes_with_the_next_changes(tenant: Tenant) -> None:
    early, late, gone = (list(tenant.people)[place] for place in (0, 59, 1))

    def meanwhile() -> None:
        tenant.edit(early, department="Legal")
        tenant.edit(late, department="Legal")
        tenant.remove(gone)

    tenant.server.delta.faults.between = {2: meanwhile}
    tenant.read()

    assert tenant.next_day() == tenant.listed()


def test_a_change_while_changes_are_read(tenant: Tenant) -> None:
    tenant.read()
    keys = first(tenant, 60)
    for key in keys[10:50]:
        tenant.edit(key, department="Legal")
    delta = tenant.server.delta
    delta.faults.between = {delta.pages + 2: lambda: tenant.edit(keys[0], department="Einkauf")}
    tenant.next_day()

    assert tenant.next_day() == tenant.listed()


def test_a_tenant_without_delta_queries_is_read_by_its_list(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    tenant.server.delta.faults.unsupported = True

    assert tenant.read() == tenant.listed()
    assert tenant.asked() == "all list"
    assert "SYNC-0273" in caplog.text


def test_columns_that_the_changes_do_not_have_are_read_by_the_list(tenant: Tenant) -> None:
    tenant.columns = (*COLUMNS, "manager_id")

    tenant.read()

    assert tenant.asked() == "list"
    assert not tenant.kept.exists()


def test_a_plan_starts_from_the_kept_read_and_leaves_it(tenant: Tenant) -> None:
    tenant.read()
    before = tenant.kept.read_bytes()
    tenant.edit(first(tenant, 1)[0], department="Legal")

    for _ in range(2):
        assert tenant.read(stores=False) == tenant.listed()
        assert tenant.asked() == "changes"

    assert tenant.kept.read_bytes() == before


def test_a_plan_before_the_first_push_keeps_nothing(tenant: Tenant) -> None:
    tenant.read(stores=False)

    assert not tenant.kept.exists()


def test_a_refresh_reads_everything(tenant: Tenant) -> None:
    tenant.read()

    assert tenant.read(whole=True) == tenant.listed()
    assert tenant.asked() == "all"


def test_only_columns_in_use_are_kept_and_only_the_owner_reads_them(tenant: Tenant) -> None:
    tenant.columns = ("email",)
    tenant.read()

    lines = [json.loads(line) for line in tenant.kept.read_bytes().splitlines()]

    assert all(set(line) == {"id", "mail"} for line in lines[1:-1])
    assert tenant.kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tenant.folder.iterdir()] == ["staff.kept"]


def test_an_older_kept_read_is_as_good(tenant: Tenant) -> None:
    tenant.read()
    older = tenant.kept.read_bytes()
    edited, gone = first(tenant, 2)
    tenant.edit(edited, department="Legal")
    tenant.next_day()
    tenant.remove(gone)
    tenant.next_day()
    tenant.kept.write_bytes(older)

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes"


def test_a_whole_read_reports_what_the_changes_missed(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    tenant.read()
    missed, seen = first(tenant, 2)
    tenant.server.delta.faults.skipped = {missed}
    tenant.edit(missed, department="Legal")
    tenant.edit(seen, department="Legal")
    assert tenant.next_day() != tenant.listed()
    tenant.server.delta.faults.skipped = set()
    tenant.now += 7 * DAY
    caplog.clear()

    assert tenant.read() == tenant.listed()
    assert tenant.asked() == "changes all"
    assert "1 record of 60 differ" in caplog.text
    assert "SYNC-0274" in caplog.text


def test_a_whole_read_is_silent_if_the_changes_were_right(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    tenant.read()
    edited, gone, meanwhile = first(tenant, 3)
    tenant.edit(edited, department="Legal")
    tenant.next_day()
    tenant.remove(gone)
    tenant.now += 7 * DAY
    delta = tenant.server.delta
    delta.faults.between = {delta.pages + 2: lambda: tenant.edit(meanwhile, department="Legal")}

    assert tenant.read() == tenant.listed()
    assert caplog.text == ""


def test_columns_that_lost_their_values_are_read_again_as_a_whole(tenant: Tenant) -> None:
    tenant.read()
    tenant.server.faults.hide = "fields"
    tenant.become({key: replace(one, title="x") for key, one in tenant.people.items()})

    with pytest.raises(SourceUnavailable, match="has a value in 0 of"):
        tenant.next_day()

    assert tenant.asked() == "changes all list"
    tenant.server.faults.hide = ""
    assert tenant.next_day() == tenant.listed()


@pytest.mark.parametrize("status", [401, 403])
def test_a_link_that_is_refused_like_credentials_leads_to_a_read_of_everything(
    tenant: Tenant, status: int
) -> None:
    tenant.read()
    tenant.edit(first(tenant, 1)[0], department="Legal")
    tenant.server.delta.faults.refused = status

    assert tenant.next_day() == tenant.listed()
    assert tenant.asked() == "changes all"


@pytest.mark.parametrize("status", [403, 500])
def test_a_link_that_fails_does_not_stop_a_read_of_everything(tenant: Tenant, status: int) -> None:
    tenant.read()
    tenant.edit(first(tenant, 1)[0], department="Legal")
    tenant.server.delta.faults.refused = status
    tenant.now += 7 * DAY

    assert tenant.read() == tenant.listed()
    assert tenant.asked() == "changes all"


class People(FaultyHttpServer):
    """An API whose changes have a relative link, and members that nobody uses."""

    def answer(self, seen: Seen) -> Reply:
        if "since" not in seen.query:
            people = [{"uid": f"{n}", "mail": f"p{n}@example.com", "salary": n} for n in range(3)]
            return Reply(200, {"people": people, "later": "?since=1"})
        changed = [{"uid": "1", "mail": None}, {"uid": "2", "left": True}]
        return Reply(200, {"people": changed, "later": "?since=2"})


def test_a_feed_that_sync_toml_describes(tmp_path: Path) -> None:
    server = People()
    with server.running():
        spec = spec_of(
            f"""
type = "http"
url = "{server.url}/people"
key = "id"
columns = {{ id = "uid", mail = "mail" }}
[sources.staff.delta]
path = "/changes"
records = "people"
link = "later"
removed = "left"
id = "uid"
complete = ["mail"]
""",
            tmp_path,
        )
        assert spec.keeping is not None
        found = []
        for hours in (0, 1):
            keeping = replace(spec.keeping, now=MONDAY + timedelta(hours=hours), stores=True)
            with Workspace() as workspace:
                used = replace(spec, used=("mail",), keeping=keeping)
                source = HttpSource(used, workspace, FakeTime().source)
                found.append(
                    {row["key"]: row["mail"] for row in records(source, workspace, "mail")}
                )

    assert found[0] == {"0": "p0@example.com", "1": "p1@example.com", "2": "p2@example.com"}
    assert found[1] == {"0": "p0@example.com", "1": None}
    assert b"salary" not in keeping.path.read_bytes()
    assert [seen.query for seen in server.seen] == [{}, {"since": "1"}]


def test_a_file_that_cannot_be_written_is_reported(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    tenant.kept.mkdir()

    assert tenant.read() == tenant.listed()

    assert "SYNC-0276" in caplog.text


@pytest.mark.parametrize("seed", range(12))
def test_changes_and_the_whole_list_give_the_same_records(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    server = Entra(company(30, 0))
    server.page_limit = chance.choice([4, 25, 200])
    pool = server.company.by_key()
    with server.running():
        tenant = Tenant(server, tmp_path)
        tenant.options += '\nwhole_every = "3d"'
        for _ in range(4):
            live_a_day(server.delta, pool, chance)
            tenant.become(dict(server.delta.people))
            tenant.now += timedelta(hours=chance.choice([1, 24, 40]))
            assert tenant.read(stores=chance.random() < 0.8) == tenant.listed()
    assert server.broken == []


class Staff(FaultyHttpServer):
    """An API with the same people as a list and as changes, of which none come later."""

    def answer(self, seen: Seen) -> Reply:
        people: Rows = [
            {
                "id": f"{number}",
                "contact": {"mail": f"p{number}@example.com"},
                "state": "left" if number == 2 else "here",
                "withheld": [],
            }
            for number in range(3)
        ]
        if seen.path == "/people":
            return Reply(200, {"people": people})
        return Reply(200, {"people": [] if "since" in seen.query else people, "later": "?since=1"})


@pytest.mark.parametrize(
    ("mail", "options"),
    [
        ('"contact.mail"', "where = \"state == 'here'\""),
        ('"contact.mail"', "where = \"state != 'left'\""),
        (
            '{ path = "contact.mail", fields = ["contact(mail)"] }',
            'fields = { in = "query.fields", always = ["id"] }',
        ),
        (
            '"contact.mail"',
            "where = \"state != 'left'\"\n"
            'fields = { in = "query.fields", join = ",", always = ["id"] }',
        ),
        ('"*.mail | [0]"', ""),
    ],
)
def test_records_by_their_changes_are_those_of_the_list(
    tmp_path: Path, mail: str, options: str
) -> None:
    server = Staff()
    feed = """
[sources.staff.delta]
path = "/changes"
records = "people"
link = "later"
removed = "deleted"
"""

    def read(feed: str) -> Rows:
        table = f"""
type = "http"
url = "{server.url}/people"
key = "id"
records = "people"
columns = {{ id = "id", mail = {mail} }}
{options}
{feed}"""
        spec = spec_of(table, tmp_path)
        assert spec.keeping is not None
        keeping = replace(spec.keeping, now=MONDAY, stores=True)
        with Workspace() as workspace:
            spec = replace(spec, used=("mail",), keeping=keeping)
            return records(HttpSource(spec, workspace, FakeTime().source), workspace, "mail")

    with server.running():
        listed = read("")
        assert read(feed) == read(feed) == listed
    assert {row["mail"] for row in listed} >= {"p0@example.com", "p1@example.com"}


class Counted(FaultyHttpServer):
    """An API that counts its pages, of two records each. In the second round, one is removed."""

    def answer(self, seen: Seen) -> Reply:
        records: Rows = [
            {"id": f"{number}", "mail": f"p{number}@example.com"} for number in range(5)
        ]
        if "since" in seen.query:
            records = [*records[:2], {"id": "4", "deleted": True}]
        start = 2 * int(seen.query.get("page", "1")) - 2
        return Reply(200, {"people": records[start : start + 2], "later": "?since=1"})


def test_a_removal_on_a_later_page_of_the_changes(tmp_path: Path) -> None:
    server = Counted()
    found = []
    with server.running():
        spec = spec_of(
            f"""
type = "http"
url = "{server.url}/people"
key = "id"
columns = {{ id = "id", mail = "mail" }}
[sources.staff.delta]
path = "/changes"
records = "people"
link = "later"
removed = "deleted"
paging = {{ kind = "page", in = "query.page" }}
""",
            tmp_path,
        )
        assert spec.keeping is not None
        keeping = replace(spec.keeping, now=MONDAY, stores=True)
        spec = replace(spec, used=("mail",), keeping=keeping)
        for _ in range(2):
            with Workspace() as workspace:
                rows = records(HttpSource(spec, workspace, FakeTime().source), workspace, "mail")
                found.append([row["key"] for row in rows])

    assert found == [["0", "1", "2", "3", "4"], ["0", "1", "2", "3"]]
