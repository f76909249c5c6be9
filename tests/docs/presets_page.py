"""The tables of docs/reference/presets.md, made from the presets: `make messages` writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scimsync.sources.http.preset import PRESETS, Preset, PresetSource, preset

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "presets.md"

_START, _END = "<!-- presets -->\n", "<!-- end of presets -->"


def with_presets(page: str) -> str:
    """Return the page with the presets as the program has them."""
    before, _, rest = page.partition(_START)
    return before + _START + "\n".join(_lines()) + "\n" + _END + rest.partition(_END)[2]


def _lines() -> Iterator[str]:
    yield "\n| `preset` | product | lists | authentication | users who left are |"
    yield "| --- | --- | --- | --- | --- |"
    for name in PRESETS:
        facts = preset(name)
        lists = ", ".join(f"`{resource}`" for resource in facts.resources)
        yield (
            f"| [`{name}`](#{name}) | {facts.product} | {lists} | {facts.authentication} |"
            f" {facts.leavers} |"
        )
    for name in PRESETS:
        yield f"\n### {name}\n"
        yield from _section(preset(name))
    yield ""


def _section(facts: Preset) -> Iterator[str]:
    place = f"`{facts.url}`" if facts.url else "the `url` of your server"
    yield f"{facts.product}, at {place}\n"
    yield from (f"- {note}" for note in facts.notes)
    for name, variable in facts.variables.items():
        default = f"; `{variable.default}` by default" if variable.default else ""
        example = f", such as `{variable.example}`" if variable.example else ""
        yield f"- `variables.{name}`: {variable.description}{example}{default}"
    for name, resource in facts.resources.items():
        columns = ", ".join(f"`{column}`" for column in resource.columns)
        yield f"- `{name}`: {columns}"
    yield f"- Read in {'; '.join(map(_read_in, facts.sources))}"
    if facts.unverified:
        yield f"- Not verified: {'; '.join(facts.unverified)}"


def _read_in(source: PresetSource) -> str:
    version = f", version {source.version}" if source.version else ""
    address = source.page.partition(" ")[0]
    shown = f"<{address}>{source.page.removeprefix(address)}" if "://" in address else source.page
    return f"{shown}{version} ({source.read})"


if __name__ == "__main__":
    PAGE.write_text(with_presets(PAGE.read_text("utf-8")), "utf-8")
