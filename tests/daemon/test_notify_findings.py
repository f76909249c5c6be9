"""Findings of pushes and errors, without personal data for receivers that do not ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from scimsync.builtin import load
from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.notify import (
    AlertTransition,
    Finding,
    Notification,
    enqueue_summary,
    findings_of_error,
    findings_of_push,
    update_alerts,
)
from scimsync.errors import (
    ConfigError,
    GuardStop,
    Interrupted,
    LeaseHeld,
    SourceFormatError,
    SourceUnavailable,
    StateError,
)
from scimsync.run import RunOutcome
from scimsync.state import alerts
from scimsync.state.store import Store, open_state
from tests.office import Office, people, person
from tests.servers.faulty import FaultyServer

RECEIVERS = """
[schedule]
timezone = "UTC"
[notify]
failures = 2
[notify.to.ops]
apprise = "env:OPS_URL"
[notify.to.hr]
apprise = "env:HR_URL"
personal = true
"""


@pytest.fixture
def office(office: Office) -> Office:
    office.configure(more=RECEIVERS)
    return office


@contextmanager
def opened(office: Office) -> Iterator[tuple[Config, Store]]:
    config = load(office.folder / "sync.toml")
    with closing(open_state(config.state_url, config.base_dir, create=True)) as store:
        yield config, store


def pushed(
    office: Office, *, later: timedelta = timedelta(), whole: bool = True, patient: bool = True
) -> tuple[RunOutcome, list[AlertTransition]]:
    """Push, and return the outcome and what changed in the alerts."""
    outcome = office.push(later=later)
    with opened(office) as (config, store):
        findings = findings_of_push(
            config, ["wiki"], ["hr"], outcome, store, office.now, whole=whole, patient=patient
        )
        return outcome, update_alerts(store, config, findings, office.now)


def outbox(office: Office, receiver: str) -> list[Notification]:
    with opened(office) as (_, store), store.read() as connection:
        return [
            Notification.from_json(one.body) for one in alerts.outbox_of(connection, receiver, 100)
        ]


def brief(changes: list[AlertTransition]) -> list[tuple[str, bool]]:
    return [(one.event.value, one.fires) for one in changes]


def test_a_successful_push_changes_no_alert(office: Office) -> None:
    office.hire(people(10))

    assert pushed(office)[1] == []
    assert outbox(office, "ops") == []


def test_a_guard_alert_has_no_personal_data_and_ends_with_a_successful_push(office: Office) -> None:
    office.hire(people(40))
    pushed(office)
    office.hire(people(34))
    assert brief(pushed(office)[1]) == [("guard", True)]
    assert brief(pushed(office, later=timedelta(hours=1))[1]) == []
    office.hire(people(40))
    assert brief(pushed(office, later=timedelta(hours=1))[1]) == [("guard", False)]

    began, over = outbox(office, "ops")
    assert began.title == "[scimsync] wiki: push blocked by a guard"
    assert (
        began.text
        == 'guard.max_removals: 6 of 40 accounts at "wiki" would be deactivated or deleted (limit'
        " 10%, here 5) [SYNC-0501]\nallow this once: scimsync push --allow-removals 6"
    )
    assert over.title == "[scimsync] wiki: resolved: push blocked by a guard (2 h)"
    assert "first: 00035, 00036" in outbox(office, "hr")[0].text


def test_an_empty_file_is_a_guard_alert_and_no_source_alert(office: Office) -> None:
    office.hire(people(3))
    pushed(office)
    office.write("hr.csv", "")

    with pytest.raises(GuardStop) as stopped:
        office.push()

    found = findings_of_error(["wiki", "chat"], ["hr"], stopped.value, "hr")
    assert [(one.event, one.subject, one.text) for one in found] == [
        (Event.GUARD, "wiki", "hr.csv is empty"),
        (Event.GUARD, "chat", "hr.csv is empty"),
    ]


def test_one_source_is_reported_and_what_the_other_target_shows_counts(office: Office) -> None:
    second = f"""
[sources.staff]
type = "file"
path = "staff.csv"
key = "id"
[targets.chat]
url = "{office.url}"
source = "staff"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
[targets.chat.user]
userName = "'chat-' ~ email"
"""
    office.configure(target='source = "hr"', more=second)
    office.hire(people(3))
    office.hire(people(3), "staff.csv")
    assert office.push().exit_code == 0
    (office.folder / "hr.csv").unlink()

    outcome = office.push()

    with opened(office) as (config, store):
        found = findings_of_push(
            config, ["wiki", "chat"], outcome.sources, outcome, store, office.now
        )
    assert outcome.exit_code == 1
    assert [(one.event, one.subject, one.text is not None) for one in found] == [
        (Event.ERROR, "push", False),
        (Event.SOURCE, "hr", True),
        (Event.CONFIG, "sync.toml (in a push)", False),
        (Event.SOURCE, "staff", False),
        (Event.GUARD, "chat", False),
        (Event.TARGET, "wiki", False),
        (Event.ACCESS, "wiki", False),
        (Event.CREDENTIALS, "wiki", False),
        (Event.FAILURES, "wiki", False),
        (Event.TARGET, "chat", False),
        (Event.ACCESS, "chat", False),
        (Event.CREDENTIALS, "chat", False),
        (Event.FAILURES, "chat", False),
    ]


def test_credentials_that_expire_soon_fire_an_alert_until_there_are_new_ones(
    office: Office,
) -> None:
    def expire(day: str) -> None:
        path = office.folder / "sync.toml"
        head, _, tail = path.read_text().partition("auth = { ")
        rest = tail.partition("}")[2]
        auth = f'type = "bearer", token = "env:WIKI_TOKEN", token_expires = {day} '
        path.write_text(f"{head}auth = {{ {auth}}}{rest}")

    office.hire(people(1))
    expire("2026-03-12")
    assert brief(pushed(office)[1]) == [("credentials", True)]
    assert pushed(office)[1] == []
    expire("2027-03-12")
    assert brief(pushed(office)[1]) == [("credentials", False)]

    fired, resolved = outbox(office, "ops")
    assert fired.title == "[scimsync] wiki: credentials expire"
    assert fired.body == (
        "The credentials expire in 10 days, on 2026-03-12.\n"
        "From then on, no change is made there.\n"
        "Since 2026-03-02 08:00 UTC.\n"
        "Create new credentials, and put them where auth in sync.toml refers to."
    )
    assert resolved.title.startswith("[scimsync] wiki: resolved: credentials expire")


def test_a_push_of_some_users_finds_nothing_about_guards(office: Office) -> None:
    office.hire(people(40))
    pushed(office)
    office.hire(people(34))
    assert pushed(office, whole=False)[1] == []
    pushed(office)
    office.hire(people(40))

    outcome, changes = pushed(office, whole=False)

    assert (outcome.guard, changes) == (None, [])


def test_a_target_that_was_not_planned_does_not_resolve_its_guard_alert(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(40))
    pushed(office)
    office.hire(people(20))
    assert brief(pushed(office)[1]) == [("guard", True)]
    office.hire([*people(40), *(person(number) for number in range(41, 60))])
    for method in ("GET", "POST"):
        faulty.fail(method, status=503, times=10_000)

    outcome, changes = pushed(office)

    assert (outcome.guard, outcome.targets["wiki"].error is not None) == (None, True)
    assert ("guard", False) not in brief(changes)


def test_a_quarantine_fires_and_resolves_an_alert(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(5))
    pushed(office)
    office.hire(people(20))
    for method in ("POST", "GET"):
        faulty.fail(method, status=503, body={"detail": "no Given7 today"}, times=10_000)
    news = [brief(pushed(office, later=timedelta(hours=1))[1]) for _ in range(4)]
    faulty.faults.clear()
    news.append(brief(pushed(office, later=timedelta(hours=3))[1]))

    assert [[one for one in each if one[0] == "target"] for each in news] == [
        [],
        [],
        [("target", True)],
        [],
        [("target", False)],
    ]
    messages = {
        receiver: [one for one in outbox(office, receiver) if one.event is Event.TARGET]
        for receiver in ("ops", "hr")
    }
    began, over = messages["ops"]
    assert (
        began.body == "No usable response in 3 consecutive runs.\n"
        "It is in quarantine until 2026-03-02 11:05 UTC; no change is lost.\n"
        "Since 2026-03-02 11:00 UTC.\n"
        "To see why: scimsync status. To retry now: scimsync push -t wiki"
    )
    assert over.title == "[scimsync] wiki: resolved: target unavailable (4 h)"
    assert "503" in messages["hr"][0].text


def test_without_a_retry_soon_the_first_failure_fires_an_alert(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    pushed(office)
    office.hire(people(20))
    faulty.fail(status=503, times=10_000)
    news = [brief(pushed(office, later=timedelta(days=1), patient=False)[1]) for _ in range(2)]
    # the daemon has nothing against it
    news.append(brief(pushed(office, later=timedelta(minutes=5))[1]))
    faulty.faults.clear()
    news.append(brief(pushed(office, later=timedelta(days=1))[1]))

    assert news == [[("target", True)], [], [], [("target", False)]]
    began, _ = outbox(office, "ops")
    assert began.body.startswith(
        "No usable response in the last run.\nNo change is lost; the next run tries again.\n"
    )


def test_more_failures_than_allowed_fire_an_alert(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(10))
    faulty.fail("POST", status=400, body={"detail": "no Person1@example.com"}, times=2)
    assert brief(pushed(office)[1]) == []
    faulty.fail("POST", status=400, body={"detail": "no Person1@example.com"}, times=5)
    office.hire(people(13))
    assert brief(pushed(office, later=timedelta(days=1))[1]) == [("failures", True)]
    assert brief(pushed(office, later=timedelta(days=1))[1]) == [("failures", False)]

    assert (
        outbox(office, "ops")[0].text
        == "5 users or groups are failing; [notify] failures allows 2."
    )
    assert (
        outbox(office, "hr")[0]
        .text.splitlines()[1]
        .partition(": ")[2]
        .startswith("POST /Users: 400")
    )


def test_failures_may_be_a_share_of_the_accounts(office: Office, faulty: FaultyServer) -> None:
    office.configure(more=RECEIVERS.replace("failures = 2", 'failures = "20%"'))
    office.hire(people(10))
    pushed(office)
    office.hire(people(13))
    faulty.fail("POST", status=400, times=3)

    assert brief(pushed(office)[1]) == [("failures", True)]
    assert (
        outbox(office, "ops")[0].text
        == "3 users or groups are failing; [notify] failures allows 20%, here 2."
    )


def test_errors_of_a_push_are_resolved_by_the_next_one(office: Office) -> None:
    office.hire(people(3))
    with opened(office) as (config, store):
        for error in (
            SourceUnavailable("there is no file hr.csv", code="SYNC-0202"),
            RuntimeError("Bearer s3cret"),
            ConfigError("no token", code="SYNC-0151"),
        ):
            update_alerts(
                store, config, findings_of_error(["wiki"], ["hr"], error, None), office.now
            )

    assert brief(pushed(office)[1]) == [("error", False), ("config", False), ("source", False)]
    assert [one.title for one in outbox(office, "ops")] == [
        "[scimsync] hr: source unreadable",
        "[scimsync] push: failing",
        "[scimsync] sync.toml (in a push): configuration invalid",
        "[scimsync] push: resolved: failing (0.0 s)",
        "[scimsync] sync.toml (in a push): resolved: configuration invalid (0.0 s)",
        "[scimsync] hr: resolved: source unreadable (0.0 s)",
    ]
    assert (
        outbox(office, "ops")[0].text
        == "there is no file hr.csv\nNothing is sent to wiki until it can be read."
    )


def test_each_error_has_its_finding() -> None:
    def of(
        error: Exception, source: str | None = None
    ) -> list[tuple[str, str, str | None, str | None]]:
        found = findings_of_error(["wiki", "chat"], ["hr", "more"], error, source)
        return [(one.event.value, one.subject, one.text, one.personal) for one in found]

    shown = SourceFormatError(
        'sync.toml: sources.hr.query: could not convert "1001"', code="SYNC-0209", hint="Ann Abel"
    )
    assert of(LeaseHeld("busy", code="SYNC-0701")) == of(Interrupted("stop", number=15)) == []
    assert [one[:2] for one in of(SourceUnavailable("gone", code="SYNC-0202"))] == [
        ("source", "hr"),
        ("source", "more"),
    ]
    ((event, subject, text, personal),) = of(shown, "more")
    assert (event, subject) == ("source", "more")
    assert (
        text == "It does not match sync.toml: a column, the encoding, or the format differs.\n"
        "Nothing is sent to wiki and chat until it can be read."
    )
    assert "1001" in (personal or "")
    ((event, subject, text, personal),) = of(
        ConfigError(
            "nobody with the key 1001 is known",
            code="SYNC-0350",
            brief="nobody with this key is known",
        )
    )
    assert (event, subject, text) == (
        "config",
        "sync.toml (in a push)",
        "nobody with this key is known",
    )
    assert personal == "nobody with the key 1001 is known [SYNC-0350]"
    assert of(StateError("Key (key)=(1001)", code="SYNC-0607"))[0][:3] == (
        "error",
        "push",
        "The state database is unavailable.",
    )
    assert of(ValueError("Bearer s3cret")) == [
        ("error", "push", "Unexpected error: ValueError.", None)
    ]


def test_a_summary_has_operations_failures_and_alerts(office: Office, faulty: FaultyServer) -> None:
    office.configure(
        target='leave = { action = "deactivate", delete_after = "5d" }', more=RECEIVERS
    )
    office.hire(people(30))
    faulty.fail("POST", status=400, times=3)
    began = office.now
    pushed(office)
    office.hire(people(28))
    pushed(office, later=timedelta(hours=1))
    faulty.fail("POST", status=400, times=9)
    with opened(office) as (config, store):
        update_alerts(store, config, [Finding(Event.STALE, "hr", "Old.")], office.now)
        enqueue_summary(store, config, began, office.now + timedelta(minutes=1))

    message = outbox(office, "ops")[-1]
    assert message == outbox(office, "hr")[-1]
    assert (message.title, message.body) == (
        "[scimsync] 32 changes, 1 alert",
        (
            "2 runs: 1 done, 1 with failures.\nwiki: 30 created, 2 deactivated, 3 failed. Now 28"
            " active, 2 inactive; 2 to be deleted within 7 days.\nAlert: hr: source not updated,"
            " since 2026-03-02 09:00 UTC.\nFrom 2026-03-02 08:00 UTC to 2026-03-02 09:01 UTC."
        ),
    )


def test_receivers_get_no_personal_data_unless_they_ask_for_it(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(40))
    pushed(office)
    office.hire(people(34))
    pushed(office)
    office.hire([*({**row, "dept": "Law"} for row in people(15)), *people(40)[15:]])
    said = {"scimType": "invalidValue", "detail": "Given7 Family7 Person7@example.com 00007"}
    faulty.fail("PATCH", status=400, body=said, times=15)
    pushed(office)
    for method in ("GET", "POST", "PATCH"):
        faulty.fail(
            method,
            status=503,
            body={"detail": "Given7 Family7 Person7@example.com 00007"},
            times=10_000,
        )
    for _ in range(4):
        pushed(office, later=timedelta(days=1))
    for wrong in (
        "employee,x\n00001,Given1\n",
        "id,email\n00001,\xe9\n",
        'id,email\n00001,"Given1\n',
    ):
        (office.folder / "hr.csv").write_bytes(wrong.encode("latin-1"))
        with opened(office) as (config, store):
            try:
                office.push()
            except Exception as error:
                update_alerts(
                    store, config, findings_of_error(["wiki"], ["hr"], error, None), office.now
                )
            update_alerts(store, config, [Finding(Event.SOURCE, "hr")], office.now)
    with opened(office) as (config, store):
        enqueue_summary(store, config, office.now - timedelta(days=9), office.now)

    said = {
        receiver: "\n".join(one.to_json() for one in outbox(office, receiver))
        for receiver in ("ops", "hr")
    }
    events = {one.event for one in outbox(office, "ops")}
    assert events >= {Event.GUARD, Event.FAILURES, Event.TARGET, Event.SOURCE, Event.SUMMARY}
    for word in ("Given", "Family", "example.com", "0000", "0002", "0003"):
        assert word not in said["ops"], word
        assert word in said["hr"] or word == "0002", word
    with opened(office) as (_, store), store.read() as connection:
        assert (
            "0000"
            not in orjson.dumps([one.text for one in alerts.firing_alerts(connection)]).decode()
        )


def test_alerts_and_the_outbox_are_in_the_state(office: Office, tmp_path: Path) -> None:
    office.hire(people(40))
    pushed(office)
    office.hire(people(20))
    pushed(office)

    assert office.sql("select event, subject from alert") == [("guard", "wiki")]
    assert office.sql("select receiver, attempts from notification order by receiver") == [
        ("hr", 0),
        ("ops", 0),
    ]
