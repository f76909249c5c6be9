"""An alert fires once and is resolved once, whatever is found in between and whoever finds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimsync.builtin import parse
from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.notify import (
    AlertTransition,
    Finding,
    enqueue_summary,
    forget_unconfigured,
    render_summary,
    stale_findings,
    update_alerts,
    wording,
)
from scimsync.state import alerts
from scimsync.state.store import Store, open_state, scratch_store
from tests.office import MONDAY

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

SYNC_TOML = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[schedule]
timezone = "Europe/Berlin"
[targets.wiki]
url = "https://wiki.example.com/scim"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }
[targets.wiki.user]
userName = "email"
[targets.chat]
url = "https://chat.example.com/scim"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }
[targets.chat.user]
userName = "email"
"""
OPS = """
[notify.to.ops]
apprise = "env:OPS_URL"
"""
HR = """
[notify.to.hr]
apprise = "env:HR_URL"
events = ["guard", "stale"]
personal = true
"""


def config(more: str = OPS, folder: Path = Path()) -> Config:
    return parse(SYNC_TOML + more, folder / "sync.toml")


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(scratch_store()) as opened:
        yield opened


def outbox(store: Store, receiver: str = "ops") -> list[Any]:
    """The notifications in the outbox of a receiver, as values."""
    with store.read() as connection:
        return [orjson.loads(one.body) for one in alerts.outbox_of(connection, receiver, 1000)]


def titles(store: Store, receiver: str = "ops") -> list[str]:
    return [one["title"] for one in outbox(store, receiver)]


def down(*targets: str, text: str = "No answer.") -> list[Finding]:
    return [Finding(Event.TARGET, name, text, None, "scimsync status") for name in targets]


def fine(*targets: str) -> list[Finding]:
    return [Finding(Event.TARGET, name) for name in targets]


def test_an_alert_notifies_when_it_fires_and_when_it_is_resolved(
    store: Store,
) -> None:
    changes = [
        update_alerts(store, config(), findings, MONDAY + at * MINUTE)
        for at, findings in enumerate(
            [fine("wiki"), down("wiki"), down("wiki"), fine("wiki"), fine("wiki")]
        )
    ]

    began = AlertTransition(Event.TARGET, ("wiki",), True, "No answer.", MONDAY + MINUTE)
    over = AlertTransition(Event.TARGET, ("wiki",), False, "No answer.", MONDAY + MINUTE)
    assert changes == [[], [began], [], [over], []]
    assert titles(store) == [
        "[scimsync] wiki: target unavailable",
        "[scimsync] wiki: resolved: target unavailable (2 min)",
    ]


def test_a_notification_has_the_problem_its_start_and_what_to_do(store: Store) -> None:
    update_alerts(store, config(), down("wiki"), MONDAY)
    update_alerts(store, config(), fine("wiki"), MONDAY + timedelta(hours=3, minutes=10))

    assert [one["body"] for one in outbox(store)] == [
        "No answer.\nSince 2026-03-02 09:00 CET.\nscimsync status",
        "From 2026-03-02 09:00 CET to 2026-03-02 12:10 CET.\nProblem: No answer.",
    ]


def test_a_restart_notifies_nothing_twice(tmp_path: Path) -> None:
    for _ in range(3):
        with closing(open_state("sqlite:///scimsync.db", tmp_path, create=True)) as store:
            update_alerts(store, config(), down("wiki"), MONDAY)
    for _ in range(3):
        with closing(open_state("sqlite:///scimsync.db", tmp_path, create=True)) as store:
            update_alerts(store, config(), fine("wiki"), MONDAY + HOUR)
            assert titles(store) == [
                "[scimsync] wiki: target unavailable",
                "[scimsync] wiki: resolved: target unavailable (1 h)",
            ]


def test_the_same_problem_of_several_targets_is_one_notification(store: Store) -> None:
    guard = [
        Finding(Event.GUARD, name, "Too many.", "Too many: 1001.", "scimsync plan")
        for name in ("wiki", "chat")
    ]
    changes = update_alerts(store, config(OPS + HR), [*guard, *down("wiki")], MONDAY)

    assert [(one.event, one.subjects) for one in changes] == [
        (Event.GUARD, ("wiki", "chat")),
        (Event.TARGET, ("wiki",)),
    ]
    assert titles(store) == [
        "[scimsync] wiki and chat: push blocked by a guard",
        "[scimsync] wiki: target unavailable",
    ]
    assert [(one["subjects"], one["text"]) for one in outbox(store, "hr")] == [
        (["wiki", "chat"], "Too many: 1001.")
    ]


def test_alerts_resolved_together_are_one_notification_if_they_were_the_same(store: Store) -> None:
    update_alerts(store, config(), down("wiki", "chat"), MONDAY)
    update_alerts(store, config(), fine("chat", "wiki"), MONDAY + HOUR)
    update_alerts(store, config(), down("wiki"), MONDAY + 2 * HOUR)
    update_alerts(store, config(), down("chat"), MONDAY + 3 * HOUR)
    update_alerts(store, config(), fine("chat", "wiki"), MONDAY + 4 * HOUR)

    assert titles(store)[1] == "[scimsync] chat and wiki: resolved: target unavailable (1 h)"
    assert titles(store)[4:] == [
        "[scimsync] chat: resolved: target unavailable (1 h)",
        "[scimsync] wiki: resolved: target unavailable (2 h)",
    ]


def test_a_new_text_of_a_firing_alert_is_stored_without_a_notification(store: Store) -> None:
    update_alerts(store, config(), down("wiki", text="3 runs failed."), MONDAY)
    assert (
        update_alerts(
            store, config(), down("wiki", text="4 runs failed.\nUntil then."), MONDAY + HOUR
        )
        == []
    )

    assert (
        update_alerts(store, config(), fine("wiki"), MONDAY + 2 * HOUR)[0].text
        == "4 runs failed.\nUntil then."
    )
    assert outbox(store)[1]["body"].endswith("Problem: 4 runs failed.")
    assert outbox(store)[1]["title"] == "[scimsync] wiki: resolved: target unavailable (2 h)"


def test_a_receiver_gets_only_the_events_that_it_wants(store: Store) -> None:
    update_alerts(
        store, config(OPS + HR), [*down("wiki"), Finding(Event.STALE, "hr", "Old.")], MONDAY
    )

    assert titles(store, "hr") == ["[scimsync] hr: source not updated"]
    assert len(titles(store, "ops")) == 2


def test_notifications_keep_their_order_if_the_clock_stops_or_is_set_back(
    store: Store,
) -> None:
    for number in range(20):
        update_alerts(
            store,
            config(),
            [Finding(Event.ERROR, f"part{number}", "x")],
            MONDAY - max(number - 10, 0) * HOUR,
        )

    assert titles(store) == [f"[scimsync] part{number}: failing" for number in range(20)]


def test_alerts_fire_without_receivers_too(store: Store) -> None:
    assert len(update_alerts(store, config(""), down("wiki"), MONDAY)) == 1
    assert update_alerts(store, config(""), down("wiki"), MONDAY) == []
    assert titles(store) == []


def test_personal_texts_go_only_to_receivers_that_ask_for_them(store: Store) -> None:
    finding = Finding(
        Event.GUARD, "wiki", "7 would be deleted.", "7 would be deleted. First: 1001."
    )
    update_alerts(store, config(OPS + HR), [finding], MONDAY)
    update_alerts(store, config(OPS + HR), [Finding(Event.GUARD, "wiki")], MONDAY)

    assert "1001" not in orjson.dumps(outbox(store, "ops")).decode()
    assert "First: 1001." in outbox(store, "hr")[0]["body"]
    assert "1001" not in orjson.dumps(outbox(store, "hr")[1]).decode()


def test_control_characters_are_neither_sent_nor_stored(store: Store) -> None:
    update_alerts(
        store,
        config(),
        [
            Finding(
                Event.ERROR, "push", "bad \x1b[31m\x07\0\u202e name\r\n\n\n  next", todo="a\x1bb"
            )
        ],
        MONDAY,
    )

    with store.read() as connection:
        kept = alerts.firing_alerts(connection)[0].text
    assert kept == r"bad \x1b[31m\x07\x00\u202e name" "\nnext"
    assert all(char.isprintable() or char == "\n" for char in outbox(store)[0]["body"])


def test_a_long_text_is_cut(store: Store) -> None:
    update_alerts(
        store, config(), [Finding(Event.ERROR, "push", "\n".join(["x" * 10_000] * 1000))], MONDAY
    )

    assert len(outbox(store)[0]["body"]) < 20_000


def test_alerts_of_removed_targets_are_deleted_without_a_notification(store: Store) -> None:
    both = config(OPS + HR)
    findings = [
        Finding(Event.STALE, "hr", "Old."),
        Finding(Event.CONFIG, "sync.toml", "Bad."),
        *down("chat", "wiki"),
    ]
    update_alerts(store, both, findings, MONDAY)
    text = (SYNC_TOML + OPS).replace(".chat", ".talk").replace(".hr]", ".people]")

    forget_unconfigured(store, parse(text, Path("sync.toml")))

    with store.read() as connection:
        assert [one.subject for one in alerts.firing_alerts(connection)] == ["sync.toml", "wiki"]
    assert (len(titles(store, "ops")), titles(store, "hr")) == (3, [])
    assert update_alerts(store, config(), fine("chat"), MONDAY) == []


def test_a_stale_source_is_found_by_the_age_of_its_files() -> None:
    limited = config('[notify]\nstale = "24h"\n')
    ages = {"hr": MONDAY - 25 * HOUR, "more": MONDAY - 24 * HOUR}

    assert stale_findings(limited, ages, MONDAY) == [
        Finding(
            Event.STALE,
            "hr",
            "Its files last changed 2026-03-01 08:00 CET; [notify] stale allows 1 d.",
            todo="Check the export that writes its files.",
        ),
        Finding(Event.STALE, "more", None, todo="Check the export that writes its files."),
    ]
    assert [one.text for one in stale_findings(config(), ages, MONDAY)] == [None, None]


def test_a_summary_is_sent_even_if_nothing_happened(store: Store) -> None:
    enqueue_summary(store, config(OPS + HR), MONDAY - 24 * HOUR, MONDAY)

    assert render_summary(store, config(), MONDAY - 24 * HOUR, MONDAY) == (
        "No runs.\n"
        "wiki: no changes. Now no accounts.\n"
        "chat: no changes. Now no accounts.\n"
        "From 2026-03-01 09:00 CET to 2026-03-02 09:00 CET."
    )
    assert titles(store, "ops") == ["[scimsync] no changes, all 2 targets are OK"]
    assert titles(store, "hr") == []


def test_many_subjects_are_abbreviated() -> None:
    assert wording.names(["a", "b", "c", "d"]) == "a, b, c and d"
    assert wording.names(["a", "b", "c", "d", "e", "f"]) == "a, b, c and 3 more"
    assert wording.moment(MONDAY, ZoneInfo("UTC")) == "2026-03-02 08:00 UTC"


@pytest.mark.parametrize("event", [event for event in Event if event is not Event.SUMMARY])
def test_every_event_has_titles(event: Event, store: Store) -> None:
    update_alerts(store, config(), [Finding(event, "a", "x"), Finding(event, "b", "x")], MONDAY)
    update_alerts(store, config(), [Finding(event, "a"), Finding(event, "b")], MONDAY + HOUR)

    assert all("a and b" in title for title in titles(store))
    assert len(titles(store)) == 2


FOUND = st.builds(
    Finding,
    st.sampled_from([Event.GUARD, Event.TARGET]),
    st.sampled_from(["wiki", "chat"]),
    st.sampled_from([None, "one", "two"]),
    st.sampled_from([None, "1001", "1002"]),
)


@settings(max_examples=60)
@given(st.lists(st.lists(FOUND, max_size=5), max_size=8))
def test_firing_and_resolving_alternate_whatever_is_found(
    calls: Sequence[Sequence[Finding]],
) -> None:
    both = config(OPS + HR.replace('events = ["guard", "stale"]', ""))
    with closing(scratch_store()) as store:
        wrong: dict[tuple[str, str], bool] = {}
        seen: list[tuple[str, str, bool]] = []
        for at, findings in enumerate(calls):
            changes = update_alerts(store, both, findings, MONDAY + at * MINUTE)
            last = {(one.event.value, one.subject): one.text is not None for one in findings}
            expected = {
                place for place, is_wrong in last.items() if wrong.get(place, False) != is_wrong
            }
            changed = [
                (one.event.value, subject, one.fires) for one in changes for subject in one.subjects
            ]
            assert sorted((event, subject) for event, subject, _ in changed) == sorted(expected)
            assert all(last[event, subject] is began for event, subject, began in changed)
            wrong |= last
            seen += changed
        for receiver in ("ops", "hr"):
            got = [
                (one["event"], subject, one["began"])
                for one in outbox(store, receiver)
                for subject in one["subjects"]
            ]
            assert sorted(got) == sorted(seen)
            for place in wrong:
                turns = [began for *of, began in got if tuple(of) == place]
                assert turns == [number % 2 == 0 for number in range(len(turns))]
        with store.read() as connection:
            assert {(one.event, one.subject) for one in alerts.firing_alerts(connection)} == {
                place for place, is_wrong in wrong.items() if is_wrong
            }
