"""The tables of docs/safety.md, generated from the evidence table: `make messages` writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scimsync.targets.evidence import TABLE, VERDICT_MEANINGS, Purpose

PAGE = Path(__file__).parents[2] / "docs" / "safety.md"

_START, _END = "<!-- evidence -->\n", "<!-- end of evidence -->"


def with_tables(page: str) -> str:
    """Return the page with the tables as the program has them."""
    before, _, rest = page.partition(_START)
    return before + _START + "\n".join(_lines()) + "\n" + _END + rest.partition(_END)[2]


def _lines() -> Iterator[str]:
    yield f"\n| answer | {' | '.join(Purpose)} |"
    yield f"| --- |{' --- |' * len(Purpose)}"
    for answer, verdicts in TABLE.items():
        yield f"| {answer} | {' | '.join(verdicts[purpose] for purpose in Purpose)} |"
    yield "\n| verdict | what follows |"
    yield "| --- | --- |"
    for verdict, meaning in VERDICT_MEANINGS.items():
        yield f"| {verdict} | {meaning} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
