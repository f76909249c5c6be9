"""The daemon exports events: what pushes of other processes left, and what a receiver refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.simulation import live, log_of
from tests.office import Office, people
from tests.security_events import audit_table, in_file, received, short
from tests.servers.hooks import Hooks, running_hooks

DAEMON = "[schedule]\npush = false\n[health]\nport = 0\n"


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with running_hooks() as receiver:
        receiver.status = 202
        yield receiver


@pytest.fixture
def company(office: Office, hooks: Hooks, caplog: pytest.LogCaptureFixture) -> Iterator[Office]:
    table = audit_table(office.folder, f'url = "{hooks.url}"', 'file = "events.ndjson"')
    office.configure(more=DAEMON + table)
    office.hire(people(3))
    with caplog.at_level("INFO", "scimsync"):
        yield office


def test_what_an_interrupted_push_left_is_exported_at_the_start(
    company: Office, hooks: Hooks
) -> None:
    assert company.push().exit_code == 0
    live(company, seconds=30)

    assert len(received(hooks)) == len(in_file(company.folder / "events.ndjson")) == 3


def test_the_operations_of_a_push_are_exported_after_it(company: Office, hooks: Hooks) -> None:
    live(company, (10, lambda _: company.hire(people(5))), seconds=60)

    assert sorted(key for key, _ in short(received(hooks))) == [
        f"{number:05}" for number in range(1, 6)
    ]


def test_a_receiver_that_is_down_is_tried_again_ever_more_rarely(
    company: Office, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.status = 503

    def back(_: object) -> None:
        hooks.status = 202

    assert company.push().exit_code == 0
    live(company, (20 * 60, back), seconds=2 * 3600)

    failures = [line for line in log_of(caplog) if "SYNC-0825" in line]
    assert len(failures) == 5  # at once, and after 1, 3, 7, and 15 minutes
    assert len(received(hooks)) == 3


def test_many_events_are_exported_without_a_pause(company: Office, hooks: Hooks) -> None:
    company.hire(people(100))
    live(company, (10, lambda _: company.hire(people(101))), seconds=60)

    assert len(received(hooks)) == 101
