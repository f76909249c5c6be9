"""`[audit.events]` needs a destination, an issuer, and the key that signs."""

from __future__ import annotations

from pathlib import Path

import pytest

from scimsync.builtin import parse
from scimsync.errors import ConfigError

CONFIG = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[targets.wiki]
url = "https://wiki.example.com/scim/v2"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }
[targets.wiki.user]
userName = "email"
[audit]
"""
KEY = 'key = "file:audit-key.pem"\n'
EVENTS = '[audit.events]\nissuer = "https://scimsync.example.com"\n'
URL = 'url = "https://siem.example.com/events?tenant=7"\n'
FILE = 'file = "events.ndjson"\n'
AUTH = 'auth = { type = "bearer", token = "env:SIEM_TOKEN" }\n'

COMPLAINTS = {
    "no key": (EVENTS + FILE, "audit: events needs key in [audit] to sign the tokens"),
    "no destination": (KEY + EVENTS, "audit.events: needs file or url"),
    "auth for a file": (
        KEY + EVENTS + FILE + AUTH,
        "audit.events: auth needs url",
    ),
    "no issuer": (KEY + "[audit.events]\n" + FILE, "audit.events: issuer is missing"),
    "plain http": (
        KEY + EVENTS + URL.replace("https", "http"),
        "audit.events.url: must begin with https://",
    ),
    "unknown auth": (
        KEY + EVENTS + URL + AUTH.replace("bearer", "none"),
        "audit.events.auth",
    ),
}


@pytest.mark.parametrize("case", COMPLAINTS)
def test_a_table_that_cannot_work_is_refused(case: str) -> None:
    text, expected = COMPLAINTS[case]
    with pytest.raises(ConfigError) as raised:
        parse(CONFIG + text, Path("sync.toml"))
    assert f"sync.toml: {expected}" in str(raised.value)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [(FILE, ("file",)), (URL + AUTH, ("url",)), (URL + FILE, ("file", "url")), (None, ())],
)
def test_the_destinations_are_those_that_are_named(
    lines: str | None, expected: tuple[str, ...]
) -> None:
    text = CONFIG if lines is None else CONFIG + KEY + EVENTS + lines
    assert parse(text, Path("sync.toml")).audit.event_destinations == expected
