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
    code for path in PACKAGE.rglob("*.py") for code in re.findall(r"SYNC-\d{4}", path.read_text())
)
"""The codes that messages of the program have."""
ENTRIES = {code: message for area in message_areas() for code, message in area.messages.items()}


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_has_an_entry(code: str) -> None:
    assert code in ENTRIES
    assert f"\n### {code}\n" in PAGE.read_text("utf-8")


@pytest.mark.parametrize("message", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_is_one_of_a_message_and_says_what_to_do(message: MessageHelp) -> None:
    assert message.code in CODES
    assert not message.title.endswith(".")
    assert message.meaning.endswith(".")
    assert message.action
    for page in message.see:
        assert (PAGE.parent / page.partition("#")[0]).is_file()


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == messages_page(), "run make messages"
