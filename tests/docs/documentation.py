"""Read pages of the documentation, and compare what they show with what the program prints."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]

VOLATILE = {
    r"[0-9a-f]{32}": "ID",
    r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?": "TIME",
    r"\b\d+\.\d s\b": "N s",
    r"http://127\.0\.0\.1:\d+(/[\w-]+)+": "URL",
}
"""Pattern of a value that differs from run to run -> its placeholder."""
PROGRESS = re.compile(r"^\w+: [a-z]+: [\d,]+ in N s\n", re.MULTILINE)
"""A progress line, which a terminal overwrites."""


def page(name: str) -> str:
    """Return the text of a page, given its path from the root of the repository."""
    return (ROOT / name).read_text("utf-8")


def section(text: str, heading: str) -> str:
    """Return the part of a page between a heading and the next one of any level."""
    _, _, rest = text.partition(f" {heading}\n")
    assert rest, heading
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of one language."""
    fenced = re.findall(r"^( *)```(\w*)\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return [dedent(code) for _, name, code in fenced if name == language]


def block(text: str, language: str, start: str = "") -> str:
    """Return the only code block of a language that begins with `start`."""
    (found,) = [one for one in blocks(text, language) if one.startswith(start)]
    return found


def sessions(text: str) -> list[tuple[str, str]]:
    """Return each `scimsync` command line in the console blocks, with the output below it."""
    lines = "".join(blocks(text, "console"))
    return re.findall(r"^\$ scimsync ([^\n]*)\n(.*?)(?=^\$ |\Z)", lines, re.MULTILINE | re.DOTALL)


def without_volatile(text: str) -> str:
    """Replace the values that differ from run to run, and drop progress lines."""
    for pattern, placeholder in VOLATILE.items():
        text = re.sub(pattern, placeholder, text)
    return PROGRESS.sub("", text)


def assert_shown(shown: str, printed: str) -> None:
    """Check that a page shows what the program printed. A line `…` stands for any lines."""
    wanted, got = without_volatile(shown), without_volatile(printed)
    pattern = "".join(
        "(?:.*\n)*?" if line == "…\n" else re.escape(line)
        for line in wanted.splitlines(keepends=True)
    )
    if re.fullmatch(pattern, got) is None:
        assert got == wanted
