"""The table of docs/reference/probe-checks.md, made from the checks: `make messages` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scimsync.probe.sequences import SEQUENCES, checks_of

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "probe-checks.md"

_START, _END = "<!-- checks -->\n", "<!-- end of checks -->"


def with_checks(page: str) -> str:
    """Return the page with the checks as the program has them."""
    before, _, rest = page.partition(_START)
    return before + _START + "\n".join(_lines()) + "\n" + _END + rest.partition(_END)[2]


def _lines() -> Iterator[str]:
    yield "\n| `--as` | provider |"
    yield "| --- | --- |"
    for name, sequence in SEQUENCES.items():
        yield f"| `{name}` | {sequence.title} |"
    yield (
        "\n| check | the correct behavior, and what to do if the check "
        "fails | standard | providers |"
    )
    yield "| --- | --- | --- | --- |"
    for check in checks_of(SEQUENCES).values():
        title = f"**{check.title}**" + ("" if check.required else " (a warning)")
        providers = ", ".join(f"`{name}`" for name in check.providers)
        yield _row(f"`{check.id}`", f"{title}. {check.hint}", check.standard, providers)
    yield ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(with_checks(PAGE.read_text("utf-8")), "utf-8")
