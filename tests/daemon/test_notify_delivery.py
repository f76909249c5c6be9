"""Notifications arrive signed, in order, and once; a receiver that fails loses none and delays no
other receiver."""

from __future__ import annotations

import base64
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from scimsync import config
from scimsync.builtin import BUILTIN, parse
from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.channels.channel import Channel, ChannelSettings
from scimsync.daemon.channels.webhook import WebhookReceiver
from scimsync.daemon.notify import (
    Finding,
    Notification,
    check_receivers,
    deliver,
    enqueue_summary,
    next_delivery,
    update_alerts,
)
from scimsync.state import leases
from scimsync.state.store import Store, open_state, scratch_store
from tests.office import MONDAY
from tests.servers.hooks import SECRET, Hooks, running_hooks

# Apprise looks for it
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

MINUTE = timedelta(minutes=1)
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))

SYNC_TOML = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[targets.wiki]
url = "https://wiki.example.com/scim"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }
[targets.wiki.user]
userName = "email"
"""
OPS = """
[notify.to.ops]
webhook = "env:HOOK_URL"
secret = "env:HOOK_SECRET"
"""
CHAT = """
[notify.to.chat]
apprise = "env:CHAT_URL"
"""


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with running_hooks() as running:
        yield running


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(scratch_store()) as opened:
        yield opened


@dataclass
class Post:
    """A store with receivers, and a clock that only tests move."""

    store: Store
    config: Config
    now: datetime = MONDAY
    count: int = field(default=0)

    def fire(self, number: int = 1) -> None:
        """Fire so many alerts, each with its own notification."""
        for _ in range(number):
            self.count += 1
            update_alerts(
                self.store,
                self.config,
                [Finding(Event.ERROR, f"part{self.count}", "It broke.")],
                self.now,
            )

    def deliver(self, later: timedelta = timedelta(), budget_s: float = 15.0) -> int:
        self.now += later
        return deliver(
            self.store,
            self.config,
            self.now,
            clock=lambda: self.now,
            budget_s=budget_s,
        )

    @property
    def due_in(self) -> timedelta | None:
        due = next_delivery(self.store)
        return None if due is None else due - self.now

    def rows(self, columns: str) -> list[Any]:
        with self.store.engine.connect() as connection:
            return [
                tuple(row)
                for row in connection.exec_driver_sql(
                    f"select {columns} from notification order by id"
                )
            ]


@pytest.fixture
def post(store: Store, hooks: Hooks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Post:
    """One receiver of webhooks."""
    monkeypatch.setenv("HOOK_URL", f"{hooks.url}/in?channel=7")
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("CHAT_URL", f"json://127.0.0.1:{hooks.port}/chat")
    return Post(store, parse(SYNC_TOML + OPS, tmp_path / "sync.toml"))


def with_receivers(post: Post, more: str) -> Post:
    return Post(post.store, parse(SYNC_TOML + more, post.config.path))


def title_of(name: str) -> str:
    return f"[scimsync] {name}: failing"


def test_a_webhook_is_a_signed_post_of_json(post: Post, hooks: Hooks) -> None:
    update_alerts(
        post.store,
        post.config,
        [Finding(Event.GUARD, "wiki", "7 of 9 would go.", None, "scimsync plan")],
        post.now,
    )

    assert post.deliver(later=90 * MINUTE) == 1

    (got,) = hooks.got
    assert got.path == "/in?channel=7"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-timestamp"] == str(int(post.now.timestamp()))
    assert got.headers["webhook-id"].startswith("msg_")
    assert "." not in got.headers["webhook-id"]
    assert got.is_signed_with(KEY)
    assert got.document == {
        "type": "scimsync.guard.began",
        "timestamp": "2026-03-02T08:00:00Z",
        "data": {
            "event": "guard",
            "began": True,
            "subjects": ["wiki"],
            "title": "[scimsync] wiki: push blocked by a guard",
            "text": "7 of 9 would go.",
            "todo": "scimsync plan",
            "since": "2026-03-02T08:00:00Z",
        },
    }
    assert (post.deliver(), post.due_in) == (0, None)


def test_the_type_tells_firing_resolved_and_summary_apart(post: Post, hooks: Hooks) -> None:
    update_alerts(post.store, post.config, [Finding(Event.STALE, "hr", "Old.")], post.now)
    update_alerts(post.store, post.config, [Finding(Event.STALE, "hr")], post.now)
    enqueue_summary(post.store, post.config, post.now, post.now)

    assert post.deliver() == 3

    kinds = [got.document["type"] for got in hooks.got]
    assert kinds == ["scimsync.stale.began", "scimsync.stale.ended", "scimsync.summary"]
    assert [got.data["began"] for got in hooks.got] == [True, False, None]


def test_a_secret_without_prefix_is_the_key_itself(
    post: Post, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "correct horse battery staple")
    post.fire()
    post.deliver()

    assert hooks.got[0].is_signed_with(b"correct horse battery staple")


def test_a_failed_delivery_is_retried_with_growing_pauses_and_the_same_id(
    post: Post, hooks: Hooks
) -> None:
    hooks.status = 500
    post.fire()
    pauses = []
    for _ in range(12):
        assert post.deliver(later=post.due_in or timedelta()) == 0
        pauses.append(post.due_in)
        assert post.deliver(later=(post.due_in or timedelta()) - timedelta(seconds=1)) == 0
    hooks.status = 202

    assert post.deliver(later=post.due_in or timedelta()) == 1
    assert pauses == [min(MINUTE * 2**number, timedelta(hours=6)) for number in range(12)]
    every = [*hooks.refused, *hooks.got]
    assert len({one.headers["webhook-id"] for one in every}) == 1
    assert len({one.headers["webhook-timestamp"] for one in every}) == len(every) == 13
    assert all(one.is_signed_with(KEY) for one in every)


def test_after_three_days_notifications_are_discarded_with_one_warning(
    post: Post, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.status = 500
    post.fire(3)
    while post.due_in is not None:
        caplog.clear()
        post.deliver(later=max(post.due_in, timedelta()))

    assert timedelta(days=3) <= post.now - MONDAY < timedelta(days=3, hours=6)
    assert [record.message for record in caplog.records if "discarded" in record.message] == [
        "notify.to.ops: discarded 3 notifications after 3 days [SYNC-0821]"
    ]


def test_after_a_week_without_delivery_there_is_still_one_attempt(post: Post, hooks: Hooks) -> None:
    post.fire(2)
    hooks.answers = [500]

    assert post.deliver(later=timedelta(days=7)) == 0
    assert post.deliver(later=MINUTE) == 2


def test_notifications_arrive_in_order_after_failures(post: Post, hooks: Hooks) -> None:
    post.fire(2)
    hooks.answers = [204, 503]
    assert post.deliver() == 1
    post.now += timedelta(seconds=1)
    post.fire(2)  # written while the receiver is left alone, so it is asked at once

    assert post.deliver() == 3
    assert hooks.titles == [title_of(f"part{number}") for number in (1, 2, 3, 4)]


def test_a_refused_notification_does_not_block_the_next_ones(post: Post, hooks: Hooks) -> None:
    post.fire(3)
    hooks.answers = [204, 422]

    assert post.deliver() == 2
    assert hooks.titles == [title_of("part1"), title_of("part3")]
    assert post.due_in == MINUTE


def test_retry_after_is_obeyed_up_to_six_hours(post: Post, hooks: Hooks) -> None:
    hooks.status, hooks.headers = 429, {"Retry-After": "1800"}
    post.fire()
    post.deliver()
    assert post.due_in == 30 * MINUTE

    hooks.headers = {"Retry-After": "9" * 300}
    post.deliver(later=30 * MINUTE)
    assert post.due_in == timedelta(hours=6)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (500, "response status 500"),
        (404, "response status 404"),
        (302, "response status 302; redirects are not followed"),
        ("cut", "the connection broke before a response arrived"),
        ("hang", "no response in time"),
    ],
)
def test_the_log_has_the_reason_of_a_failed_delivery(
    answer: int | str, why: str, post: Post, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.status, hooks.headers = answer, {"Location": f"{hooks.url}/elsewhere"}
    post.fire()

    assert post.deliver(budget_s=1.0 if answer == "hang" else 15.0) == 0
    assert caplog.messages == [f"notify.to.ops: delivery failed: {why} [SYNC-0820]"]
    assert post.rows("attempts, last_error") == [(1, why)]
    assert len(hooks.refused) == 1


def test_a_refused_connection_is_a_failed_delivery(
    post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOOK_URL", "http://127.0.0.1:9/in")
    post.fire()

    assert post.deliver() == 0
    assert caplog.messages == [
        "notify.to.ops: delivery failed: cannot connect: Connection refused [SYNC-0820]"
    ]


def test_a_dead_receiver_delays_no_other_and_time_is_bounded(
    post: Post, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_hooks() as dead:
        dead.status = "hang"
        monkeypatch.setenv("DEAD_URL", dead.url)
        monkeypatch.setenv("DEAD_CHAT", f"json://127.0.0.1:{dead.port}/?rto=60")
        dead_ones = OPS.replace(".ops", ".dead").replace("HOOK_URL", "DEAD_URL")
        dead_ones += CHAT.replace(".chat", ".dead-chat").replace("CHAT_URL", "DEAD_CHAT")
        dead_ones += '[notify.to.slow]\napprise = "cmd:sleep 6"\n'
        post = with_receivers(post, dead_ones + OPS + CHAT)
        post.fire(3)

        began = time.monotonic()
        arrived = post.deliver(budget_s=3.0)
        took = time.monotonic() - began

        assert arrived == 6
        assert took < 6.0
        assert [got.path for got in hooks.got].count("/chat") == 3
        assert (
            sorted(post.rows("receiver, attempts"))
            == [("dead", 1)] * 3 + [("dead-chat", 1)] * 3 + [("slow", 1)] * 3
        )


def test_without_time_left_notifications_wait_for_the_next_call(post: Post, hooks: Hooks) -> None:
    post.fire(3)

    assert post.deliver(budget_s=0.1) == 0
    assert post.rows("attempts") == [(0,)] * 3
    assert post.deliver() == 3


def test_a_process_killed_before_sending_leaves_it_to_the_next(
    hooks: Hooks, post: Post, tmp_path: Path
) -> None:
    with closing(open_state("sqlite:///scimsync.db", tmp_path, create=True)) as store:
        Post(store, post.config).fire()
    with closing(open_state("sqlite:///scimsync.db", tmp_path, create=True)) as store:
        assert Post(store, post.config).deliver() == 1

    assert hooks.titles == [title_of("part1")]


@dataclass
class Hooked:
    """A webhook channel that does something after each notification."""

    channel: Channel
    after: Callable[[], None]

    async def send(self, notification_id: str, notification: Notification, now: datetime) -> None:
        await self.channel.send(notification_id, notification, now)
        self.after()

    async def aclose(self) -> None:
        await self.channel.aclose()


def with_channel(post: Post, name: str, kind: type[ChannelSettings], more: str) -> Post:
    """Return the post with another kind of channel, and the receivers `more`."""
    kinds = replace(BUILTIN, channels=BUILTIN.channels.with_(name, kind))
    return replace(post, config=config.parse(SYNC_TOML + more, post.config.path, kinds))


def then(post: Post, after: Callable[[], None]) -> Post:
    """Return the post whose webhooks call `after` when they have responded."""

    class HookedReceiver(WebhookReceiver):
        def open(self, secret: Callable[[str], str]) -> Channel:
            return Hooked(super().open(secret), after)

    return with_channel(post, "webhook", HookedReceiver, OPS)


def test_a_process_killed_before_the_response_is_recorded_sends_it_again_with_the_same_id(
    hooks: Hooks, post: Post
) -> None:
    def killed() -> None:
        raise KeyboardInterrupt

    post.fire()
    with pytest.raises(KeyboardInterrupt):
        then(post, killed).deliver()

    assert post.deliver() == 1
    assert len({got.headers["webhook-id"] for got in hooks.got}) == 1
    assert len(hooks.got) == 2


def test_one_process_at_a_time_delivers_to_a_receiver(post: Post, hooks: Hooks) -> None:
    post.fire()
    with post.store.write() as connection:
        leases.take(connection, ["receiver ops"], "another", post.now)

    assert (post.deliver(), hooks.got) == (0, [])
    assert post.deliver(later=timedelta(minutes=3)) == 1


def test_what_is_written_during_a_delivery_is_delivered_too(post: Post, hooks: Hooks) -> None:
    def write_more() -> None:
        if post.count < 3:
            post.fire()

    post.fire()

    assert then(post, write_more).deliver() == 3
    assert hooks.titles == [title_of(f"part{number}") for number in (1, 2, 3)]


def test_a_new_kind_of_channel_is_one_class_and_one_entry_in_the_registry(post: Post) -> None:
    sent: list[str] = []

    class Pager:
        async def send(
            self, notification_id: str, notification: Notification, now: datetime
        ) -> None:
            sent.append(notification.title)

        async def aclose(self) -> None:
            sent.append("closed")

    class PagerReceiver(ChannelSettings):
        pager: str

        def open(self, secret: Callable[[str], str]) -> Channel:
            return Pager()

    post = with_channel(post, "pager", PagerReceiver, '[notify.to.boss]\npager = "555"\n')
    post.fire()

    assert post.deliver() == 1
    assert sent == [title_of("part1"), "closed"]


def test_a_library_for_standard_webhooks_accepts_the_signature(post: Post, hooks: Hooks) -> None:
    post.now = datetime.now(UTC)
    post.fire()
    post.deliver()

    (got,) = hooks.got
    verifier = Webhook(SECRET)
    assert verifier.verify(got.body, dict(got.headers)) == got.document
    with pytest.raises(WebhookVerificationError):
        verifier.verify(got.body.replace(b"part1", b"part2"), dict(got.headers))


def test_a_receiver_removed_from_sync_toml_gets_nothing(post: Post, hooks: Hooks) -> None:
    post.fire()

    assert with_receivers(post, "").deliver() == 0
    assert (post.due_in, hooks.got) == (None, [])


def test_apprise_gets_title_body_and_severity(post: Post, hooks: Hooks) -> None:
    post = with_receivers(post, CHAT)
    update_alerts(
        post.store,
        post.config,
        [Finding(Event.TARGET, "wiki", "No <answer> & *more*.", None, "scimsync status")],
        post.now,
    )
    update_alerts(post.store, post.config, [Finding(Event.TARGET, "wiki")], post.now + MINUTE)
    update_alerts(
        post.store, post.config, [Finding(Event.ERROR, "push", "It broke.")], post.now + MINUTE
    )
    enqueue_summary(post.store, post.config, post.now, post.now + 2 * MINUTE)

    assert post.deliver(later=3 * MINUTE) == 4

    said = [json.loads(got.body) for got in hooks.got]
    assert [one["type"] for one in said] == ["warning", "success", "failure", "info"]
    assert said[0]["title"] == "[scimsync] wiki: target unavailable"
    assert said[0]["message"].startswith("No <answer> & *more*.\nSince 2026-03-02 ")
    assert said[0]["message"].endswith("\nscimsync status")


def test_html_services_get_lines_and_escaped_markup(
    post: Post, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_URL", f"json://127.0.0.1:{hooks.port}/?format=html")
    post = with_receivers(post, CHAT)
    update_alerts(
        post.store,
        post.config,
        [Finding(Event.TARGET, "wiki", "No <b>answer</b>.", None, "scimsync status")],
        post.now,
    )
    post.deliver()

    message = json.loads(hooks.got[0].body)["message"]
    assert "&lt;b&gt;answer" in message
    assert message.count("<br") == 2


@pytest.mark.parametrize("answer", [500, "cut"])
def test_a_failing_service_is_retried(
    answer: int | str, post: Post, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    post = with_receivers(post, CHAT)
    hooks.answers = [answer]
    post.fire()

    assert post.deliver() == 0
    assert caplog.messages == [
        "notify.to.chat: delivery failed: JSON did not accept it [SYNC-0820]"
    ]
    assert post.deliver(later=MINUTE) == 1


WRONG = [
    (
        "HOOK_URL",
        "http://hooks.example.com/s3cret",
        (
            "webhook: must begin with https://; http is for this machine only"
            " (localhost, 127.0.0.1, ::1)"
        ),
    ),
    (
        "HOOK_URL",
        "https://me:s3cret@hooks.example.com",
        "webhook: the URL of a webhook must not contain a user, a password",
    ),
    ("HOOK_URL", "https://[s3cret", "webhook: this is not a URL"),
    ("HOOK_URL", None, "webhook: the environment variable HOOK_URL is not set"),
    ("HOOK_SECRET", None, "secret: the environment variable HOOK_SECRET is not set"),
    ("HOOK_SECRET", "whsec_s3cret!", "secret: the part after whsec_ is not base64"),
    ("CHAT_URL", None, "apprise: the environment variable CHAT_URL is not set"),
    ("CHAT_URL", "s3cret", "apprise: Apprise does not understand the URL"),
    ("CHAT_URL", "nonsense://s3cret", "apprise: Apprise does not understand the URL"),
]


@pytest.mark.parametrize(("variable", "value", "why"), WRONG)
def test_an_unusable_receiver_is_found_by_check_and_fails_alone(
    variable: str,
    value: str | None,
    why: str,
    post: Post,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    post = with_receivers(post, OPS + CHAT)
    receiver = "chat" if variable == "CHAT_URL" else "ops"

    found = dict(check_receivers(post.config))
    post.fire(2)

    assert (found.pop(receiver) or "").startswith(why)
    assert list(found.values()) == [None]
    assert post.deliver() == 2
    warnings = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"notify.to.{receiver}: delivery failed: {why}")
    assert [row[0] for row in post.rows("receiver")] == [receiver] * 2


def test_without_apprise_the_error_says_what_to_install(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)

    why = "apprise is not installed; install it with: pip install 'scimsync[notify]'"
    assert check_receivers(with_receivers(post, CHAT).config) == [("chat", why)]


def test_no_secret_gets_into_log_errors_or_state(
    post: Post,
    hooks: Hooks,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(1)
    for name in ("httpx2", "httpcore2", "urllib3", "apprise", "asyncio"):
        caplog.set_level(1, name)
    for url in (
        f"{hooks.url}/s3cret",
        f"https://127.0.0.1:{hooks.port}/s3cret",
        "http://127.0.0.1:9/s3cret",
    ):
        monkeypatch.setenv("HOOK_URL", url)
        with closing(open_state("sqlite:///scimsync.db", tmp_path, create=True)) as store:
            fresh = Post(store, post.config)
            fresh.count = len(url)
            hooks.answers = [500]
            fresh.fire()
            fresh.deliver()
            fresh.deliver(later=timedelta(days=4))
    ours = [record for record in caplog.records if record.name in ("scimsync", "httpx2", "apprise")]
    whole = "\n".join(f"{record.getMessage()} {record.exc_text}" for record in ours)
    whole += "".join(path.read_bytes().decode("latin-1") for path in tmp_path.iterdir())

    assert all(
        why in whole
        for why in (
            "delivery failed: response status 500",
            "delivery failed: TLS error",
            "delivery failed: cannot connect",
        )
    )
    assert "s3cret" not in whole
    assert SECRET not in whole
    assert SECRET.removeprefix("whsec_") not in whole


@pytest.mark.parametrize("state_kind", ["sqlite", "postgresql"])
def test_both_databases_keep_the_order_and_deliver_once(
    state_kind: str, new_state: Callable[[], str | None], post: Post, hooks: Hooks, tmp_path: Path
) -> None:
    url = new_state()
    state_url = (
        "sqlite:///both.db" if url is None else url.replace("postgresql:", "postgresql+psycopg:")
    )
    with closing(open_state(state_url, tmp_path, create=True)) as store:
        both = Post(store, post.config)
        both.fire(5)
        update_alerts(
            store, post.config, [Finding(Event.ERROR, "part1", "Other\0 words.")], post.now
        )
        update_alerts(store, post.config, [Finding(Event.ERROR, "part1")], post.now)
        hooks.answers = [204, 204, 500]

        assert both.deliver() == 2
        assert both.deliver(later=MINUTE) == 4
        assert hooks.titles[:5] == [title_of(f"part{number}") for number in range(1, 6)]
        assert hooks.titles[5].startswith("[scimsync] part1: resolved: failing")
        assert both.due_in is None
