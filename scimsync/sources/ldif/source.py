"""The entries of LDIF files as records."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from scimsync.errors import GuardStop
from scimsync.sources.base import RowLocation, SourceSpec, missing_column
from scimsync.sources.directory import ldap_filters
from scimsync.sources.directory.attribute_types import DN_COLUMN, AttributeTypes, base_name
from scimsync.sources.directory.entry_columns import Attributes, EntryColumns
from scimsync.sources.directory.source import DirectorySource, Entry
from scimsync.sources.found_files import ensure_unchanged, sample_digest
from scimsync.sources.ldif.files import LdifFile, digest, find, opened
from scimsync.sources.ldif.parse import LdifParser
from scimsync.sources.ldif.settings import LdifSettings
from scimsync.sources.watching import is_glob
from scimsync.sources.workspace import Workspace

_CHUNK = 1 << 20
_NAMES = re.compile(rb"^([A-Za-z0-9][A-Za-z0-9.;-]*):", re.MULTILINE)
_NO_ATTRIBUTES = frozenset(("dn", "version", "changetype", "search", "result", "ref"))
_LINES = 1 << 40
"""A place is the index of a file times this, plus a line."""


class LdifSource(DirectorySource[LdifSettings]):
    """The entries of all files that `path` names and that match `filter`."""

    def __init__(self, spec: SourceSpec[LdifSettings], workspace: Workspace) -> None:
        self._files: tuple[LdifFile, ...] = find(spec)
        settings = spec.settings
        label = self._files[0].label if len(self._files) == 1 else settings.path
        super().__init__(spec, workspace, label, settings.filter)
        self.nested = settings.nested

    @property
    def pattern_files(self) -> Sequence[str]:
        """All files, if `path` is a pattern."""
        is_pattern = is_glob(self.spec.base_dir, self.spec.settings.path)
        return tuple(file.label for file in self._files) if is_pattern else ()

    def make_columns(self) -> EntryColumns:
        """Return the columns, with types from the tables."""
        return EntryColumns(self.spec.settings, AttributeTypes())

    def columns(self) -> list[str]:
        """Return the attributes that sync.toml names, or else all of the files."""
        columns = self.make_columns()
        named = [found.name for name in self._names if (found := columns.of(name)) is not None]
        if self.spec.key not in (DN_COLUMN, *named):
            for _ in self.entries(columns):  # raises the more specific error
                pass
            raise missing_column(self.spec, "key", self.spec.key, self._names, self.label)
        return columns.known if columns.are_known else columns.with_derived(named)

    @cached_property
    def _names(self) -> list[str]:
        """The attributes of all files, without parsing the entries."""
        found: dict[bytes, None] = {}
        for file in self._files:
            rest = b""
            with opened(self.spec, file) as stream:
                while chunk := stream.read(_CHUNK):
                    head, newline, rest = (rest + chunk).rpartition(b"\n")
                    found |= dict.fromkeys(_NAMES.findall(head + newline))
        names = [name.decode() for name in found]
        return [name for name in names if base_name(name) not in _NO_ATTRIBUTES]

    def first_records(self, limit: int) -> list[Mapping[str, object]]:
        """Return the first records with all columns; DNs stay as they are."""
        key = base_name(self.spec.key)
        if key != DN_COLUMN and key not in map(base_name, self._names):
            settings = self.spec.settings.model_copy(update={"key": DN_COLUMN})
            return LdifSource(replace(self.spec, settings=settings), self._workspace).first_records(
                limit
            )
        return self.first_entries(limit)

    def entries(self, columns: EntryColumns) -> Generator[Entry]:
        """Read the entries of all files."""
        query = self.spec.settings.filter
        test = (
            None
            if query is None
            else ldap_filters.compiled(ldap_filters.parse(query), columns.types)
        )
        count = 0
        for index, file in enumerate(self._files):
            with opened(self.spec, file) as stream:
                parser = LdifParser(stream, file.label, self.spec.setting("path"))
                for line, dn, attributes in parser.entries():
                    count += 1
                    wanted = None if test is None else test(_by_name(attributes))
                    yield Entry(dn, attributes, index * _LINES + line, wanted)
        if not count:
            raise GuardStop(
                f"{self.label} has no entries",
                hint="nothing is sent for an empty source; is it still being written?",
                code="SYNC-0505",
            )

    def location(self, place: int, row: int | None) -> RowLocation:
        """Return the file and line of an entry."""
        index, line = divmod(place, _LINES)
        return RowLocation(self._files[index].label, line or None, row)

    def fingerprint(self) -> str | None:
        """Return the size of the files and a digest of a few places in each."""
        return f"{sum(file.size for file in self._files)}-{sample_digest(self._files)}"

    def checksum(self) -> str:
        """Return a digest of all bytes of the files, and of the settings."""
        return digest(self.spec, self._files)

    def ensure_unchanged(self) -> None:
        """Raise SourceUnavailable if a file was written or replaced since it was found."""
        ensure_unchanged(self._files)


def _by_name(attributes: Attributes) -> dict[str, list[bytes]]:
    """Return the attributes of an entry as filters take them."""
    found: dict[str, list[bytes]] = {}
    for name, raw in attributes:
        found.setdefault(base_name(name), []).extend(raw)
    return found
