"""Each message code has an entry that `scimsync help` and docs/messages.md show."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from scimsync.cli.commands.help import MessageHelp, message_areas
from tests.docs.messages_page import PAGE, messages_page

PACKAGE = Path(__file__).parents[2] / "scimsync"
CODES = Counter(
    code for path in PACKAGE.rglob("*.py") for code in re.findall(r'"(SYNC-\d+)"', path.read_text())
)
"""The codes that messages of the program have."""
ENTRIES = {code: message for area in message_areas() for code, message in area.messages.items()}

UNUSED = {
    *(f"SYNC-0{number}" for number in (220, 221, 222, 223, 224, *range(340, 350), 406, 410)),
    *(f"SYNC-0{number}" for number in (705, 706)),
    *(f"SYNC-0{number}" for number in (801, 802, 803, 808, 809, 820, 821)),
}
"""Entries whose messages have no code yet: rows, operations, the log of the daemon."""


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_has_an_entry(code: str) -> None:
    assert code in ENTRIES
    assert f"\n### {code}\n" in PAGE.read_text("utf-8")


@pytest.mark.parametrize("message", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_is_one_of_a_message_and_says_what_to_do(message: MessageHelp) -> None:
    assert re.fullmatch(r"SYNC-\d{4}", message.code)
    assert (message.code in CODES) is (message.code not in UNUSED)
    assert not message.title.endswith(".")
    assert message.meaning.endswith(".")
    assert message.action
    for page in message.see:
        assert (PAGE.parent / page.partition("#")[0]).is_file()


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == messages_page(), "run make messages"
