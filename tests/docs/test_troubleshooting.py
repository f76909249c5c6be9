"""docs/messages.md has an entry for each message that the program can say when something is wrong,
and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.spoken import Spoken

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "messages.md").read_text("utf-8")
ENTRIES = [
    entry
    for row in re.findall(r"^\| (`.*?`) \| \S", PAGE, re.MULTILINE)
    for entry in re.findall(r"`([^`]+)`", row.replace("\\|", "|"))
]
"""What the left column shows: messages as they are said, with … for what may be anything."""

NO_TROUBLE = {
    "an account with the same … exists": "why somebody is adopted",
    "found after: …": "a request without an answer had its effect",
    "it was gone already": "so a deletion is done",
    "nothing left to change": "so nothing is sent",
    "a push is running": "the daemon is well",
    "pushes run as scheduled": "the daemon is well",
    **dict.fromkeys(
        (
            "a date or time",
            "a list",
            "a number",
            "a table",
            "a text",
            "a text in quotes",
            "a whole number",
            "true or false",
        ),
        "what a value is",
    ),
}
"""What is no message about something wrong."""

ANSWER = re.compile(r"(^|: )[45]\d\d\b")
"""What a target answered, which stands in no code."""


def holds_words(message: str) -> bool:
    """Whether a message says anything by itself, and is not put together of others."""
    words = re.sub(r"[^A-Za-z]+", " ", message).split()
    return (len(words) > 1 and " " in message.strip("… ")) or message.startswith(
        ("interrupted", "unexpected")
    )


def said() -> dict[str, set[str]]:
    """The messages of the program -> where they stand in it."""
    return {
        message: places
        for message, places in Spoken().read().items()
        if holds_words(message) and message not in NO_TROUBLE
    }


SAID = said()


def pattern(message: str) -> re.Pattern[str]:
    """What a message looks like with words in the place of …; what the program breaks into lines
    stands in one."""
    text = message.replace("\n", " ").strip("… \n:;,")
    return re.compile(r"\s*(?:.+?)\s*".join(re.escape(part.strip()) for part in text.split("…")))


PATTERNS = {message: pattern(message) for message in SAID}


def test_the_program_is_read_from_end_to_end() -> None:
    """Should the reader go blind in some place, what is checked below would be little."""
    for known in (
        "…: another run is at work (…)",
        "must begin with https://; http is for this machine only (localhost, 127.0.0.1, ::1)",
        "the folder is not writable",
        "… of … accounts would be changed",
        'no filter "…"',
        "userName … is wanted by … too",
        "… is invalid; the previous configuration stays in force\n…",
        "the name of its host cannot be resolved",
        "must be at least",
        "this key stands here a second time",
        "division by zero",
    ):
        assert known in SAID
    assert len(SAID) > 350


@pytest.mark.parametrize("message", sorted(SAID))
def test_each_message_has_an_entry(message: str) -> None:
    assert any(PATTERNS[message].search(entry) for entry in ENTRIES), sorted(SAID[message])


@pytest.mark.parametrize("entry", [one for one in ENTRIES if not ANSWER.search(one)])
def test_each_entry_is_a_message(entry: str) -> None:
    assert any(one.search(entry) for one in PATTERNS.values())


def test_what_is_no_trouble_is_still_said() -> None:
    assert Spoken().read().keys() >= NO_TROUBLE.keys()
