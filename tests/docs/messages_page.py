"""docs/messages.md, generated from the messages of the program: `make messages` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scimsync.cli.commands.help import MessageHelp, message_areas

PAGE = Path(__file__).parents[2] / "docs" / "messages.md"

_INTRO = """\
# Messages

Every error, and every warning that needs you, ends with a code such as `SYNC-0106`. This page
explains them all; `scimsync help SYNC-0106` shows one of them in the terminal, and
`--json` documents of errors hold the code as `error.code`.

A message begins with the place (`sync.toml: targets.wiki.url: …`, `hr line 4 1003: …`,
`wiki: …`). The lines below it say what was found and what would be right. `scimsync check` finds
most problems before a push does. See [exit codes](reference/exit-codes.md) for the numbers.
"""


def messages_page() -> str:
    """Return the text of the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRO
    areas = list(message_areas())
    for area in areas:
        anchor = area.title.lower().replace(" ", "-").replace(".", "")
        first, *_, last = [*area.messages, *area.messages]
        yield f"- [{area.title}](#{anchor}): {first} to {last}"
    for area in areas:
        yield f"\n## {area.title}"
        if area.intro:
            yield f"\n{area.intro}"
        for message in area.messages.values():
            yield from _entry(message)


def _entry(message: MessageHelp) -> Iterator[str]:
    yield f"\n### {message.code}"
    yield f"\n**{message.title}.** {message.meaning}\n"
    see = "".join(f" See [{page}]({page})." for page in message.see)
    yield f"{message.action}{see}"


if __name__ == "__main__":
    PAGE.write_text(messages_page(), "utf-8")
