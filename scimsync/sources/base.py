"""The protocol of a source, and the values that a source and its readers exchange.

A kind of source is one module or package of this package and one line in `registry`: the settings
model of `[sources.NAME]`, which derives from `SourceSettings` and opens a `Source`. A source of
records that arrive one by one derives from `spool.SpooledSource` and implements `rows`.

The registry imports the modules of all kinds, so these import libraries that take long to load
inside of functions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pydantic import Field

from scimsync.errors import ScimsyncError, SourceFormatError
from scimsync.model.did_you_mean import did_you_mean
from scimsync.settings import Table, Text
from scimsync.sources.kept_read import Keeping
from scimsync.sources.workspace import Workspace
from scimsync.transport.auth import Secrets

if TYPE_CHECKING:
    from scimsync.sources.relation import Relation

MAX_REPORTED = 1_000
"""The number of rejected rows that are reported one by one."""


class SourceSettings(Table):
    """The base class of the settings models: the options that all kinds of source have.

    A subclass narrows `type` to a literal, adds its options, and implements `open`. `spec` is
    always the one that holds the settings themselves.
    """

    type: str = Field(description="Kind of source")
    key: Text = Field(
        description="The column that names a record and never changes, such as a personnel number",
        examples=["employee_id"],
    )

    @abstractmethod
    def open(self, spec: SourceSpec[Any], workspace: Workspace) -> Source:
        """Open the source and read as little of it as possible. Copies go into `workspace`.

        Raise SourceUnavailable, SourceFormatError, GuardStop (an empty source).
        """

    @classmethod
    def from_location(cls, location: str) -> Mapping[str, object] | None:  # noqa: ARG003
        """Return the options that a URL or path stands for, or None if it is not of this kind.

        `scimsync init LOCATION` asks all kinds in the order of the registry.
        """
        return None

    def watch(self, spec: SourceSpec[Any]) -> tuple[str, ...]:  # noqa: ARG002
        """Return the paths and globs of local files whose change means a change of the source.

        They are relative to `spec.base_dir`. A source without files returns none and is read on
        schedule only. Raise SourceFormatError.
        """
        return ()

    def whole_read_every(
        self,
        used: Collection[str] | None = None,  # noqa: ARG002
    ) -> timedelta | None:
        """Return how often everything is read, if other reads get only the changes.

        None is each time, which may depend on the columns in use.
        """
        return None


S = TypeVar("S", bound=SourceSettings)


def _no_secret(option: str) -> str:
    raise LookupError(option)


def _no_secrets(option: str) -> Secrets:
    raise LookupError(option)


@dataclass(frozen=True, slots=True)
class SourceSpec(Generic[S]):
    """One `[sources.NAME]` with everything that opening it takes.

    Relative paths start at `base_dir`, the folder of sync.toml. `config_name` is the name of the
    configuration file in messages. `secret` returns the value that the reference under an option
    of the table refers to, and raises ConfigError for one that is missing. `secrets` does the same
    for the table under an option, such as `auth`. `used` are the columns that expressions use; None
    if that is unknown, and then all columns are read. `state_file` is the file of the state, None
    if that is in a database on a server. `handover` is the data that `columns` read and leaves to
    the next opening of the source, so that it is not read twice. `place` holds the keys that lead
    to the table in sync.toml if they are not `sources` and the name. `keeping` is how the last
    complete read is used; None if it is neither used nor kept.
    """

    name: str
    settings: S
    base_dir: Path
    config_name: str = "sync.toml"
    secret: Callable[[str], str] = _no_secret
    state_file: Path | None = None
    secrets: Callable[[str], Secrets] = _no_secrets
    used: tuple[str, ...] | None = None
    handover: list[object] = field(default_factory=list, compare=False, repr=False)
    place: tuple[str, str] | None = None
    keeping: Keeping | None = None

    @property
    def key(self) -> str:
        """The name of the key column."""
        return self.settings.key

    def setting(self, option: str) -> str:
        """Return how messages about `option` begin: `sync.toml: sources.hr.key`."""
        section, name = self.place or ("sources", self.name)
        return f"{self.config_name}: {section}.{name}.{option}"

    def watch(self) -> tuple[str, ...]:
        """Return the paths and globs to watch; see `SourceSettings.watch`."""
        return self.settings.watch(self)

    def open(self, workspace: Workspace) -> Source:
        """Open the source; see `SourceSettings.open`."""
        return self.settings.open(self, workspace)

    def columns(self) -> list[str]:
        """Return the names of the columns, the key among them, reading as little as possible.

        Raise SourceUnavailable, SourceFormatError (no key column), GuardStop (an empty source).
        """
        with Workspace() as workspace:
            return self.open(workspace).columns()


RowId = tuple[int, int]
"""The part of a source, from 0, and a row in that part, from 1."""


@dataclass(frozen=True, slots=True)
class RowLocation:
    """Where a row is, for messages: a part of the source, and its line or its number there.

    `line` is None if there are no lines, `row` where rows have no order either. `sheet` is the
    name of the sheet that has the row.
    """

    label: str
    line: int | None
    row: int | None
    sheet: str | None = None

    def __str__(self) -> str:
        if self.line is not None:
            return f"line {self.line}"
        return f"row {self.row}{self.of_sheet}" if self.row is not None else "another row"

    @property
    def of_sheet(self) -> str:
        """The words for the sheet, if there is one."""
        return "" if self.sheet is None else f" of sheet {self.sheet}"

    @property
    def prefix(self) -> str:
        """The start of a message about a row that has a number but no line."""
        return f"{self}: " if self.line is None and self.row is not None else ""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that a source cannot use.

    `key` is None if it is unknown whose row it is. `cells` holds the values by column, and `fields`
    all values regardless of their column, because they may be shifted. `may_be_any`: nothing is
    known about the row, so it may stand for any record.
    """

    location: RowLocation
    key: str | None
    detail: str
    code: str
    cells: Mapping[str, object] = field(hash=False)
    fields: frozenset[str] = frozenset()
    may_be_any: bool = False


class RejectedRows:
    """Collects rejected rows: their number, and the first `MAX_REPORTED` in full.

    `excluded` are malformed rows that are not records, such as a line with the total. Such a row is
    rejected after all if a record that it may belong to would otherwise be gone.
    """

    def __init__(self) -> None:
        self.rows: list[RejectedRow] = []
        self.count = 0
        self.excluded: list[RejectedRow] = []

    @property
    def may_be_any(self) -> bool:
        """Whether one of the rows may stand for any record."""
        return self.count > len(self.rows) or any(row.may_be_any for row in self.rows)

    def add(self, row: RejectedRow) -> None:
        """Add one row."""
        self.count += 1
        if len(self.rows) < MAX_REPORTED:
            self.rows.append(row)

    def exclude(self, row: RejectedRow) -> None:
        """Add a row that is not a record. Only a few are kept; the others are rejected."""
        if len(self.excluded) < MAX_REPORTED:
            self.excluded.append(row)
        else:
            self.add(row)


class Source(Protocol):
    """The records of one `[sources.NAME]`, opened for one look or one comparison."""

    @property
    def label(self) -> str:
        """The name of the source in messages: a file, "the result of the query"."""
        ...

    @property
    def part_labels(self) -> Sequence[str]:
        """The names of the parts in messages, such as the files of a glob, in order."""
        ...

    @property
    def pattern_files(self) -> Sequence[str]:
        """The files that a pattern matched, by their labels; none if no pattern names them.

        They are the parts of the source, or else it is unknown which records come from which file.
        """
        ...

    def columns(self) -> list[str]:
        """Return the names of the columns. Raise SourceFormatError if there is no key column."""
        ...

    def fingerprint(self) -> str | None:
        """Return a text that is cheap to get and usually changes with the data.

        The text has no colon. None if nothing is known without reading all records.
        """
        ...

    def checksum(self) -> str:
        """Return a digest of all records and of the settings that decide how they are read.

        Called from another thread, while `scan` is running.
        """
        ...

    def first_records(self, limit: int) -> list[Mapping[str, object]]:
        """Return at most `limit` records, with all columns and whether or not there is a key.

        `scimsync init` calls it, and nothing else. Raise SourceUnavailable, SourceFormatError.
        """
        ...

    def scan(self, used: Sequence[str], rejected: RejectedRows | None = None) -> Relation:
        """Return the key and the columns `used` of all records.

        Without `rejected`, rows that cannot be used make the statement fail. With it, the source
        is read carefully: such rows are left out and added to `rejected`. Raise
        SourceUnavailable, SourceFormatError (a missing column).
        """
        ...

    def locate(self, rows: Collection[RowId]) -> Mapping[RowId, RowLocation]:
        """Return where rows of a careful `scan` are."""
        ...

    def explain(self, error: Exception) -> ScimsyncError:
        """Return what a DuckDB error about the statement of `scan` means for the user."""
        ...

    def ensure_unchanged(self) -> None:
        """Raise SourceUnavailable if the data changed since the source was opened."""
        ...


def missing_column(
    spec: SourceSpec[Any], option: str, column: str, found: Sequence[str], label: str
) -> SourceFormatError:
    """Return the error for a column that `option` names and that `label` does not have."""
    return SourceFormatError(
        f'{spec.setting(option)}: no column "{column}" in {label}',
        details=[f"found: {', '.join(found) or 'no columns at all'}"],
        hint=did_you_mean(column, found),
        code="SYNC-0205",
    )


def check_lists(
    spec: SourceSpec[Any], lists: Iterable[str], found: Sequence[str], label: str
) -> None:
    """Raise SourceFormatError if `lists` names a column that `label` does not have."""
    for column in lists:
        if column not in found:
            raise missing_column(spec, "lists", column, found, label)
