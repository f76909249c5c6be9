"""`conditional = true`: a list of one page is asked for only if it changed."""

from __future__ import annotations

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
from tests.http_sources import FakeTime, records, spec_of
from tests.servers.faulty_http import FaultyHttpServer, Reply, Seen

PEOPLE: list[dict[str, Any]] = [
    {"id": "1", "name": "Ann", "salary": 1},
    {"id": "2", "name": "Bo", "salary": 2},
]
MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)


class Report(FaultyHttpServer):
    """A report that has the headers `validators`, and 304 for a request that gives one back."""

    def __init__(self) -> None:
        super().__init__()
        self.people = PEOPLE
        self.validators: dict[str, str] = {"ETag": '"v1"'}
        self.date: dict[str, str] = {"Date": "Mon, 30 Nov 2026 06:01:00 GMT"}
        self.always_304 = False
        self.count = 2

    def answer(self, seen: Seen) -> Reply:
        if seen.path == "/count":
            assert not {"if-none-match", "if-modified-since"} & set(map(str.lower, seen.headers))
            return Reply(200, {"total": self.count})
        headers = {name.lower(): value for name, value in seen.headers.items()}
        given = {
            "ETag": headers.get("if-none-match"),
            "Last-Modified": headers.get("if-modified-since"),
        }
        same = any(given[name] == value for name, value in self.validators.items())
        if self.always_304 or same:
            return Reply(304, None, self.validators | self.date)
        return Reply(200, {"people": self.people}, self.validators | self.date)

    def change(self, *people: dict[str, Any]) -> None:
        """Replace the people, and the validators with them."""
        self.people = list(people)
        self.validators = {
            name: f"{value[:-1]}x{value[-1]}" for name, value in self.validators.items()
        }


class Reader:
    """A source that reads the report day after day."""

    def __init__(self, server: Report, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.now = MONDAY
        self.more = ""
        self.config = "sync.toml"

    @property
    def kept(self) -> Path:
        return kept_read_path(self.folder, "staff")

    def read(self, *, stores: bool = True, whole: bool = False) -> list[dict[str, Any]]:
        """Return the records, a day after the last ones."""
        self.now += timedelta(days=1)
        self.server.seen.clear()
        options = f"""
type = "http"
url = "{self.server.url}/people"
key = "id"
records = "people"
columns = {{ id = "id", name = "name", salary = "salary" }}
conditional = true
{self.more}
"""
        spec = spec_of(options, self.folder)
        assert spec.keeping is not None
        keeping = replace(spec.keeping, now=self.now, stores=stores, whole=whole)
        with Workspace() as workspace:
            spec = replace(spec, used=("name",), keeping=keeping, config_name=self.config)
            return records(HttpSource(spec, workspace, FakeTime().source), workspace, "name")

    @property
    def conditions(self) -> dict[str, str]:
        """The conditions of the request for the list."""
        (seen,) = (seen for seen in self.server.seen if seen.path == "/people")
        return {
            name.lower(): value for name, value in seen.headers.items() if name.lower()[:3] == "if-"
        }


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    server = Report()
    with server.running():
        yield Reader(server, tmp_path)


ANN_AND_BO = [{"key": "1", "name": "Ann"}, {"key": "2", "name": "Bo"}]


@pytest.mark.parametrize(
    ("validators", "conditions"),
    [
        ({"ETag": '"v1"'}, {"if-none-match": '"v1"'}),
        ({"ETag": 'W/"v1"'}, {"if-none-match": 'W/"v1"'}),
        (
            {"Last-Modified": "Mon, 30 Nov 2026 06:00:00 GMT"},
            {"if-modified-since": "Mon, 30 Nov 2026 06:00:00 GMT"},
        ),
        (
            {"ETag": '"v1"', "Last-Modified": "Mon, 30 Nov 2026 06:00:00 GMT"},
            {"if-none-match": '"v1"', "if-modified-since": "Mon, 30 Nov 2026 06:00:00 GMT"},
        ),
    ],
    ids=["strong", "weak", "date", "both"],
)
def test_a_list_that_did_not_change_is_the_kept_one(
    reader: Reader, validators: dict[str, str], conditions: dict[str, str]
) -> None:
    reader.server.validators = validators
    assert reader.read() == ANN_AND_BO
    assert reader.conditions == {}
    reader.server.people = []  # whoever reads the body now would notice

    assert reader.read() == ANN_AND_BO
    assert reader.conditions == conditions


def test_a_list_that_changed_is_read(reader: Reader) -> None:
    reader.read()
    reader.server.change({"id": "3", "name": "Cy", "salary": 3})

    assert reader.read() == [{"key": "3", "name": "Cy"}]
    assert reader.read() == [{"key": "3", "name": "Cy"}]
    assert reader.conditions == {"if-none-match": '"v1x"'}


@pytest.mark.parametrize(
    "date",
    [
        {"Date": "Mon, 30 Nov 2026 06:00:00 GMT"},
        {"Date": "Mon, 30 Nov 2026 06:00:59 GMT"},
        {"Date": "Mon, 30 Nov 2026 05:00:00 GMT"},
        {"Date": "today"},
        {},
    ],
)
def test_a_list_that_was_modified_just_now_is_read_again(
    reader: Reader, date: dict[str, str]
) -> None:
    reader.server.validators = {"Last-Modified": "Mon, 30 Nov 2026 06:00:00 GMT"}
    reader.server.date = date
    reader.read()
    reader.server.people = PEOPLE[:1]  # within the same second

    assert reader.read() == ANN_AND_BO[:1]
    assert reader.conditions == {}


def test_a_304_that_nothing_was_kept_for_is_an_error(reader: Reader) -> None:
    reader.server.always_304 = True

    with pytest.raises(SourceUnavailable, match="not modified, but no condition was sent"):
        reader.read()


def test_everything_is_read_after_whole_every(reader: Reader) -> None:
    reader.more = 'whole_every = "2d"'
    reader.read()
    reader.read()
    assert reader.conditions != {}

    reader.read()

    assert reader.conditions == {}


def test_a_refresh_reads_everything(reader: Reader) -> None:
    reader.read()

    assert reader.read(whole=True) == ANN_AND_BO
    assert reader.conditions == {}


def test_a_plan_keeps_nothing(reader: Reader) -> None:
    reader.read(stores=False)

    assert not reader.kept.exists()


def test_a_server_without_validators_is_read_each_time(reader: Reader) -> None:
    reader.read()
    reader.server.validators = {}

    assert reader.read() == ANN_AND_BO
    assert not reader.kept.exists()
    assert reader.read() == ANN_AND_BO
    assert reader.conditions == {}


def test_a_source_of_another_file_has_its_own_reads(reader: Reader) -> None:
    reader.read()
    reader.config = "other.toml"
    reader.server.people = PEOPLE[:1]  # what its credentials see, with the same validators

    assert reader.read() == ANN_AND_BO[:1]
    assert reader.conditions == {}


def test_a_damaged_file_leads_to_a_read_of_everything(reader: Reader) -> None:
    reader.read()
    reader.kept.write_bytes(reader.kept.read_bytes().replace(b"Ann", b"Eve"))

    assert reader.read() == ANN_AND_BO
    assert reader.server.seen[-1].path == "/people"
    assert len(reader.server.seen) == 2


def test_only_columns_in_use_are_kept(reader: Reader) -> None:
    reader.read()

    assert b"salary" not in reader.kept.read_bytes()


def test_probes_are_sent_although_nothing_changed(reader: Reader) -> None:
    reader.more = 'probes = [{ path = "/count", count = "total" }]'
    reader.read()
    assert reader.read() == ANN_AND_BO
    assert [seen.path for seen in reader.server.seen] == ["/people", "/count"]
    reader.server.count = 3

    with pytest.raises(SourceUnavailable, match="2 records were received, but GET /count counts 3"):
        reader.read()
