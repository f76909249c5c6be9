"""DuckDB as this project uses it: offline, bounded in memory, with everything private in one folder
that goes away."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY_LIMIT = "300MB"
WHITE_SPACE = " \t\r\n\v\f\u00a0"
"""What is stripped from keys, list items and column names: ASCII white space and the no-break space
of spreadsheets."""


class Workspace:
    """A private folder (mode 0700) for copies of files and for what DuckDB spills; removed at the
    end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="scimsync-"))
        self._count = 0
        self._connection: DuckDBPyConnection | None = None

    def new(self, suffix: str) -> Path:
        """A path in the folder that does not exist yet."""
        self._count += 1
        return self.folder / f"{self._count}{suffix}"

    @property
    def connection(self) -> DuckDBPyConnection:
        """A database in memory, opened when first asked for. Extensions are never downloaded."""
        if self._connection is None:
            import duckdb

            self._connection = duckdb.connect(
                config={
                    "memory_limit": MEMORY_LIMIT,
                    "temp_directory": str(self.folder / "spill"),
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    "python_enable_replacements": False,
                }
            )
        return self._connection

    def readable(self, path: Path) -> Path:
        """`path`, or a link to it where DuckDB would take the name for a glob."""
        if not any(sign in str(path) for sign in "*?["):
            return path
        link = self.new(path.suffix)
        link.symlink_to(path)
        return link

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def private(path: Path) -> Iterator[TextIO]:
    """The new file `path`, mode 0600, to write text to as UTF-8 without touching line breaks."""
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600),
        "w",
        encoding="utf-8",
        newline="",
    ) as stream:
        yield stream


def literal(text: str) -> str:
    """`text` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """`text` as a SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def array(texts: Iterable[str]) -> str:
    """`texts` as a SQL list of strings."""
    return "[" + ", ".join(literal(text) for text in texts) + "]"


def pointer(column: str) -> str:
    """`column` of a JSON object as a JSON Pointer (RFC 6901)."""
    return "/" + column.replace("~", "~0").replace("/", "~1")


def stripped(expression: str) -> str:
    """SQL for text without surrounding white space; as good as free for text without any."""
    clean = f"{expression} between '!' and '~' and not ("  # begins with a visible ASCII character
    clean += " or ".join(f"suffix({expression}, {literal(sign)})" for sign in WHITE_SPACE) + ")"
    return (
        f"case when {clean} then {expression} else trim({expression}, {literal(WHITE_SPACE)}) end"
    )


def items(expression: str, separator: str) -> str:
    """SQL for the list of what `separator` separates in a text: stripped, without empty items."""
    parts = (
        f"list_transform(string_split({expression}, {literal(separator)}), lambda x: trim(x,"
        f" {literal(WHITE_SPACE)}))"
    )
    return f"list_filter({parts}, lambda x: x <> '')"


def reason(error: Exception) -> str:
    """The line of a DuckDB message that says what is wrong, without its kind."""
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    kind, separator, rest = first.partition(": ")
    return (rest if separator and kind.endswith(("Error", "Exception")) else first).strip()
