"""docs/interoperability.md, generated from the tables of this suite: `make interop` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

from tests.interop.known import KNOWN, Known
from tests.interop.scenarios import SCENARIOS
from tests.interop.servers import PRODUCTS, Product

PAGE = Path(__file__).parents[2] / "docs" / "interoperability.md"

INTRODUCTION = """\
# Interoperability

The interoperability tests run the scenarios on this page against SCIM servers from other projects.
The configuration is the same for every server, without a profile or a dialect. `make interop`
installs the servers, runs all scenarios on the loopback interface, and writes this page.

A scenario works if the server has the expected accounts and groups afterwards, each push ends with
exit code 0, and the next plan is empty. A number refers to the reason why a scenario does not work;
the test fails as soon as the reason is gone. In these cases, scimsync ends with exit code 4 and
names the users or groups concerned, unless the reason says that the server reports success. Servers
marked "no cursors" do not offer cursors, which RFC 9865, section 4, leaves to them.
"""


def page() -> str:
    """Return the page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    reasons = list(dict.fromkeys((server, known) for (server, _), known in KNOWN.items()))
    yield INTRODUCTION
    yield "## Servers\n"
    for product in PRODUCTS:
        yield f"- **{product.name}**: {product.about}"
    yield "\n## Scenarios\n"
    yield f"| scenario | {' | '.join(product.name for product in PRODUCTS)} |"
    yield f"| --- |{' --- |' * len(PRODUCTS)}"
    for name in SCENARIOS:
        cells = (_cell(product, name, reasons) for product in PRODUCTS)
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    for name, play in SCENARIOS.items():
        yield _item("- ", f"**{name}**: {' '.join((play.__doc__ or '').split())}")
    yield "\n## Reasons\n"
    for number, (server, known) in enumerate(reasons, 1):
        yield _item(f"{number}. ", _reason(server, known))
    yield ""


def _item(mark: str, text: str) -> str:
    return fill(text, 100, initial_indent=mark, subsequent_indent=" " * len(mark))


def _cell(product: Product, name: str, reasons: list[tuple[str, Known]]) -> str:
    if name == "cursor" and product.with_cursors is None:
        return "no cursors"
    known = KNOWN.get((product.name, name))
    return "works" if known is None else str(reasons.index((product.name, known)) + 1)


def _reason(server: str, known: Known) -> str:
    leaves = "leaves it to the server" if known.optional else "says otherwise"
    shows = " The server reports success, and scimsync ends with exit code 0." * known.silent
    return f"{server} {known.what}. {known.section} {leaves}.{shows}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
