"""What commands print to stdout: text for people, as wide as the terminal, and JSON documents."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from scimsync.jsontext import json_text

if TYPE_CHECKING:
    from rich.text import Text

NARROW = 34
"""A last cell that has fewer columns than this left goes below the other cells."""

Part: TypeAlias = "str | tuple[str, str] | Text"
"""Text, text with a style, or both in one value."""


class Output:
    """Prints to stdout. `width` is that of the terminal in columns, None for a file or a pipe."""

    def __init__(self, stream: TextIO | None = None) -> None:
        from rich.console import Console  # a push prints JSON or lines without it
        from rich.text import Text

        stream = stream or sys.stdout
        self._assemble = Text.assemble
        self._console = Console(file=stream, highlight=False)
        self.width = self._console.width if stream.isatty() else None

    def line(self, *parts: Part, indent: int = 0) -> None:
        """Print one line; on a narrow terminal the rest is indented two columns more."""
        text = self._assemble(*parts)
        if self.width is None or indent + text.cell_len <= self.width:
            self._print(" " * indent, text)
            return
        first, *rest = text.wrap(self._console, max(self.width - indent - 2, 10), overflow="fold")
        self._print(" " * indent, first)
        for piece in rest:
            self._print(" " * (indent + 2), piece)

    def blank(self) -> None:
        """Print an empty line."""
        self._print("", self._assemble())

    def rows(self, rows: Sequence[Sequence[Part]], indent: int = 2, below: int = 4) -> None:
        """Print rows with aligned cells.

        The last cell is wrapped beside the others or, where too little room is left, continues
        `below` columns further in on the next line.
        """
        texts = [[self._assemble(cell) for cell in row] for row in rows]
        columns = max((len(row) for row in texts), default=0) - 1
        widths = [
            max((row[at].cell_len for row in texts if len(row) > at + 1), default=0)
            for at in range(columns)
        ]
        for row in texts:
            *cells, last = row
            start = self._assemble(" " * indent)
            for cell, width in zip(cells, widths, strict=False):
                start = self._assemble(start, cell, " " * (width - cell.cell_len + 2))
            self._row(start, last, indent + below)

    def _row(self, start: Text, last: Text, below: int) -> None:
        used = start.cell_len
        if self.width is None or used + last.cell_len <= self.width:
            self._print("", self._assemble(start, last))
            return
        left = self.width - used
        if left >= NARROW:
            first, *rest = last.wrap(self._console, left, overflow="fold")
            self._print("", self._assemble(start, first))
            hanging = used
        else:
            self._print("", start)
            rest = list(last.wrap(self._console, max(self.width - below, 10), overflow="fold"))
            hanging = below
        for piece in rest:
            self._print(" " * hanging, piece)

    def _print(self, before: str, text: Text) -> None:
        whole = self._assemble(before, text)
        whole.rstrip()
        self._console.print(whole, soft_wrap=True)


def write_json(document: Any) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.write(json_text(document, indented=True) + "\n")
