"""The records of directory entries, wherever these come from."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from array import array
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import orjson

from scimsync.errors import SourceFormatError
from scimsync.sources.base import (
    RejectedRow,
    RejectedRows,
    RowId,
    RowLocation,
    SourceSpec,
)
from scimsync.sources.directory.attribute_types import DN_COLUMN, base_name
from scimsync.sources.directory.entry_columns import (
    Attributes,
    EntryColumns,
    EntryRecord,
    NotText,
    name_reader,
    values_of,
)
from scimsync.sources.directory.object_classes import OBJECT_CLASS, names_of
from scimsync.sources.directory.references import (
    ASCENDED,
    DnReferences,
    EntryIndex,
    Lookup,
    Named,
    complete,
    entry_index,
    may_expand,
)
from scimsync.sources.directory.settings import DirectorySettings
from scimsync.sources.relation import Relation
from scimsync.sources.spool import SpooledSource
from scimsync.sources.workspace import Workspace

D = TypeVar("D", bound=DirectorySettings)


class Entry(NamedTuple):
    """One entry as it was read.

    `place` is its line in a file, 0 where there are no lines. One that is not `wanted` is not a
    record, but records may refer to it; None leaves that to whether it has the key.
    """

    dn: str
    attributes: Attributes
    place: int = 0
    wanted: bool | None = True


class DirectorySource(SpooledSource[D]):
    """Makes records of entries. Subclasses read the `entries` and know the `columns_of` them."""

    nested = True

    def __init__(
        self, spec: SourceSpec[D], workspace: Workspace, label: str, selection: str | None
    ) -> None:
        super().__init__(spec, workspace, label, selection=selection)
        self._rejected = RejectedRows()
        self._places = array("Q")

    @abstractmethod
    def entries(self, columns: EntryColumns) -> Generator[Entry]:
        """Read all entries. Raise SourceUnavailable if any of them cannot be read."""

    @abstractmethod
    def make_columns(self) -> EntryColumns:
        """Return the columns. Raise SourceFormatError for an option that does not fit them."""

    def look_up(self, columns: EntryColumns, references: DnReferences) -> Lookup | None:  # noqa: ARG002
        """Return the function that reads entries outside of the source, None without any."""
        return None

    def references(self) -> DnReferences:
        """Return how sync.toml wants DNs to be resolved."""
        settings = self.spec.settings
        return DnReferences(settings.key, settings.references, nested=self.nested)

    def location(self, place: int, row: int | None) -> RowLocation:
        """Return where an entry is, for messages."""
        return RowLocation(self.label, place or None, row)

    def columns(self) -> list[str]:
        """Return the attributes of all entries, or those that sync.toml names."""
        columns = self.make_columns()
        if columns.are_known:
            return columns.known
        found = super().columns()
        return columns.with_derived(name for name in found if name != DN_COLUMN)

    def scan(self, used: Sequence[str], rejected: RejectedRows | None = None) -> Relation:
        """Return the records. Entries with several values where one is needed are rejected."""
        relation = super().scan(used, rejected)
        if rejected is None:
            return replace(relation, reliable=not self._rejected.count)
        for row in self._rejected.rows:
            rejected.add(row)
        rejected.count += self._rejected.count - len(self._rejected.rows)
        return relation

    def locate(self, rows: Collection[RowId]) -> Mapping[RowId, RowLocation]:
        """Return the line of each entry, or its number in the order in which they arrived."""
        return {
            (part, row): self.location(self._places[row - 1] if self._places else 0, row)
            for part, row in rows
        }

    def rows(self) -> Iterator[Mapping[str, object]]:
        """Read all entries, resolve their DNs, and yield them as records."""
        yield from map(orjson.loads, self.lines())

    def write(self, path: Path) -> str:
        """Write all records to the new file `path`, and return a digest."""
        total = hashlib.blake2b(self.spec.settings.model_dump_json().encode(), digest_size=20)
        path.touch(mode=0o600)
        with path.open("wb") as stream, closing(self.lines()) as lines:
            for line in lines:
                total.update(line)
                stream.write(line)
        return total.hexdigest()

    def first_entries(self, limit: int) -> list[Mapping[str, object]]:
        """Return the first records with all columns; DNs stay as they are."""
        columns = self.make_columns()
        with closing(self.entries(columns)) as entries:
            found = (
                (entry, self._record(columns, entry))
                for entry in entries
                if entry.wanted is not False
            )
            records = (record.cells for entry, record in found if self._accept(record, entry))
            return list(islice(records, limit))

    def lines(self) -> Generator[bytes]:
        """Read all entries, resolve their DNs, and yield them as lines of JSON."""
        columns = self.make_columns()
        if not columns.may_refer():
            for entry in self.entries(columns):
                if entry.wanted is not False:
                    record = self._record(columns, entry)
                    if self._accept(record, entry):
                        yield orjson.dumps(record.cells) + b"\n"
            return
        references = self.references()
        with entry_index(self._workspace.new(".entries")) as index:
            yield from self._resolved_lines(columns, references, index)
            self._check_references(references)

    def _resolved_lines(
        self, columns: EntryColumns, references: DnReferences, index: EntryIndex
    ) -> Iterator[bytes]:
        """Spool the entries, since one may refer to a later one, and resolve their DNs then.

        A line is an object, or a list of an object and its DNs by column.
        """
        path = self._workspace.new(".records")
        path.touch(mode=0o600)
        offered = Offer(self.spec.key, columns, references)
        refers = False
        with path.open("wb") as stream:
            for entry in self.entries(columns):
                record = self._record(columns, entry)
                index.add(entry.dn, offered.by(record, entry.attributes))
                if entry.wanted is not False and self._accept(record, entry):
                    refers = refers or bool(record.links)
                    whole = [record.cells, record.links] if record.links else record.cells
                    stream.write(orjson.dumps(whole) + b"\n")
        if (look_up := self.look_up(columns, references)) is not None and refers:
            missing: list[tuple[str, str]] = []
            with path.open("rb") as stream:
                for line in stream:
                    for column, dns in _links(line).items():
                        missing += ((column, dn) for dn in references.missing(column, dns, index))
            complete(index, missing, references, look_up)
        with path.open("rb") as stream:
            for line in stream:
                yield self._resolved(line, references, index)

    def _resolved(self, line: bytes, references: DnReferences, index: EntryIndex) -> bytes:
        if line[:1] != b"[":
            return line
        cells, links = orjson.loads(line)
        for column, dns in links.items():
            found = references.resolve(cells[DN_COLUMN], column, dns, index)
            cells[column] = found if isinstance(cells[column], list) else next(iter(found), None)
        return orjson.dumps(cells) + b"\n"

    def _record(self, columns: EntryColumns, entry: Entry) -> EntryRecord:
        """Return an entry as a record. Raise SourceFormatError for text that is not UTF-8."""
        try:
            return columns.record(entry.dn, entry.attributes)
        except NotText as error:
            location = self.location(entry.place, None)
            place = f"{location}: " if location.line is not None else ""
            raise SourceFormatError(
                f"{location.label}: {place}{entry.dn}: {error}",
                hint="take the attribute out of attributes if it is not text",
                code="SYNC-0258",
            ) from None

    def _accept(self, record: EntryRecord, entry: Entry) -> bool:
        """Return whether a record can be used; report it if not."""
        place = entry.place
        if record.problem is None:
            if entry.wanted is None and self.spec.key not in record.cells:
                return False
            if place:
                self._places.append(place)
            return True
        key = record.cells.get(self.spec.key)
        self._rejected.add(
            RejectedRow(
                self.location(place, None),
                None if key is None else str(key),
                record.problem,
                "SYNC-0258",
                record.cells,
            )
        )
        return False

    def _check_references(self, references: DnReferences) -> None:
        """Raise SourceFormatError if unresolved DNs mean lost rights.

        The server itself keeps `memberOf` (MS-ADTS 3.1.1.4.5.10, slapo-memberof), so that its DNs
        name groups that exist.
        """
        chosen = {name.lower(): each for name, each in self.spec.settings.references.items()}
        for column, dn, others in references.unresolved():
            if not references.is_chosen(column):
                continue
            attribute = chosen[column.lower()]
            if not others:
                raise SourceFormatError(
                    f"{self.spec.setting(f'references.{column}')}: no entry that {column} names has"
                    f' one value of "{attribute}" to read',
                    details=[f"such as {dn}"],
                    hint="correct the attribute, or let the source read it",
                    code="SYNC-0259",
                )
            if base_name(column) in ASCENDED and self.ought_to_be_read(dn):
                raise SourceFormatError(
                    f"{self.spec.setting(f'references.{column}')}: {dn} cannot be read, or has no"
                    f' "{attribute}"',
                    hint=f"let the source read all groups, or take {column} out of references",
                    code="SYNC-0259",
                )

    def ought_to_be_read(self, dn: str) -> bool:  # noqa: ARG002
        """Return whether a DN that names nothing ought to name an entry that can be read."""
        return True


def _links(line: bytes) -> dict[str, list[str]]:
    """Return the DNs of a spooled record, by column."""
    if line[:1] != b"[":
        return {}
    found: dict[str, list[str]] = orjson.loads(line)[1]
    return found


class Offer:
    """Extracts from an entry the values for entries that refer to it.

    `attributes` are those that it needs besides the columns.
    """

    def __init__(self, key: str, columns: EntryColumns, references: DnReferences) -> None:
        self._references = references
        self._key = key
        self._readers = [name_reader(columns, name) for name in references.attributes]
        self._needs_classes = not columns.are_known or may_expand(columns.named)
        self._classes: dict[tuple[bytes, ...], str] = {}

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that `by` reads."""
        names = self._references.attributes
        return (*names, OBJECT_CLASS) if self._needs_classes else names

    def by(self, record: EntryRecord, attributes: Attributes) -> Named:
        """Return what an entry offers."""
        key = record.cells.get(self._key)
        values = [None if key is None else str(key)]
        values += [read(record.dn, attributes) for read in self._readers[1:]]
        links = record.links
        if links:
            nests = self._references.nests
            links = {column: dns for column, dns in links.items() if nests(column)}
        named = Named(values, links, self._classes_of(attributes))
        self._references.note(named)
        return named

    def _classes_of(self, attributes: Attributes) -> str:
        if not self._needs_classes:
            return ""
        found = tuple(values_of(attributes, (OBJECT_CLASS.lower(),)))
        if found not in self._classes:
            self._classes[found] = names_of(found)
        return self._classes[found]
