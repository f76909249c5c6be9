"""Replace DNs with the names of the entries in records: their keys, or another attribute.

The entries are kept in a SQLite file of the workspace, so that memory does not grow with them.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from scimsync.sources.directory.attribute_types import base_name
from scimsync.sources.directory.dn import normalized
from scimsync.sources.directory.object_classes import are_of_group, are_of_no_user

_BATCH = 2_000
_CACHED = 10_000

EXPANDED = frozenset({"member", "uniquemember"})
"""A group among the DNs of these is replaced by its members."""

ASCENDED = frozenset({"memberof", "ismemberof"})
"""To the groups of these belong the groups that they are members of."""


@dataclass(frozen=True, slots=True)
class Named:
    """The values of an entry for entries that refer to it.

    `values` are its values of the attributes that references need, in their order, None for one
    that it lacks. `links` are the DNs in its columns that nest. `classes` are its object classes,
    empty for a person, and if references do not need them.
    """

    values: Sequence[str | None]
    links: Mapping[str, Sequence[str]]
    classes: str = ""


class EntryIndex:
    """Entries by their DN. They are sorted once, before the first search."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "pragma journal_mode = off",
            "pragma synchronous = off",
            "pragma cache_size = -16000",
            "create table entry (dn blob, named text)",
            "begin",
        ):
            self._connection.execute(statement)
        self._pending: list[tuple[bytes, str]] = []
        self._found: dict[bytes, Named | None] = {}
        self._is_sorted = False

    def add(self, dn: str, named: Named) -> None:
        """Add an entry. One whose DN comes twice with different values names nothing."""
        links = dict(named.links) or None
        text = orjson.dumps([named.values, links, named.classes]).decode()
        self._pending.append((digest(dn), text))
        if self._found:
            self._found.clear()
        if len(self._pending) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        self._connection.executemany("insert into entry values (?, ?)", self._pending)
        self._pending.clear()

    def find(self, key: bytes) -> Named | None:
        """Return the values of the entry with the digest `key`, None if there is no such entry."""
        if key in self._found:
            return self._found[key]
        if len(self._found) >= _CACHED:
            self._found.clear()
        named = self._found[key] = self._read(key)
        return named

    def _read(self, key: bytes) -> Named | None:
        if self._pending:
            self._flush()
        if not self._is_sorted:
            self._connection.execute("create index by_dn on entry (dn)")
            self._is_sorted = True
        rows = self._connection.execute("select distinct named from entry where dn = ?", [key])
        found = rows.fetchmany(2)
        if len(found) != 1:
            return None
        values, links, classes = orjson.loads(found[0][0])
        return Named(values, links or {}, classes)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


@contextmanager
def entry_index(path: Path) -> Iterator[EntryIndex]:
    """Yield an index in a new file."""
    with closing(EntryIndex(path)) as index:
        yield index


def digest(dn: str) -> bytes:
    """Return a digest that DNs share if they name the same entry."""
    return hashlib.blake2b(
        normalized(dn).encode("utf-8", "surrogateescape"), digest_size=16
    ).digest()


class DnReferences:
    """How the columns of DNs are resolved.

    `attributes` are those that references need. Each column takes one of them, by its index in
    `choice`; other columns take the first, the key.
    """

    def __init__(self, key: str, chosen: Mapping[str, str], *, nested: bool) -> None:
        self.attributes = tuple(dict.fromkeys((key, *chosen.values())))
        self._choice = {
            column.lower(): self.attributes.index(name) for column, name in chosen.items()
        }
        self._nested = nested
        self._nesting: dict[str, bool] = {}
        self._classes_of_groups: set[str] = set()
        self._resolved: set[str] = set()
        self._unresolved: dict[str, str] = {}

    def is_chosen(self, column: str) -> bool:
        """Return whether sync.toml says which attribute a column takes."""
        return column.lower() in self._choice

    def nests(self, column: str) -> bool:
        """Return whether the DNs of a column lead to further ones."""
        found = self._nesting.get(column)
        if found is None:
            kinds = EXPANDED | ASCENDED
            found = self._nesting[column] = self._nested and base_name(column) in kinds
        return found

    def note(self, named: Named) -> None:
        """Note the object classes of an entry with members: those of groups, known or not."""
        if named.classes and _members(named):
            self._classes_of_groups.add(named.classes)

    def unresolved(self) -> Iterator[tuple[str, str, bool]]:
        """Yield the columns with DNs that name nothing: a DN, and whether others do."""
        for column, dn in self._unresolved.items():
            yield column, dn, column in self._resolved

    def missing(self, column: str, dns: Iterable[str], index: EntryIndex) -> Iterator[str]:
        """Yield the DNs that the index does not have, among `dns` and those they lead to."""
        seen: set[bytes] = set()
        waiting = list(dns)
        while waiting:
            dn = waiting.pop()
            key = digest(dn)
            if key in seen:
                continue
            seen.add(key)
            named = index.find(key)
            if named is None:
                yield dn
            elif self.nests(column):
                waiting += _further(named, column)

    def resolve(self, own: str, column: str, dns: Sequence[str], index: EntryIndex) -> list[str]:
        """Return the replacements for the DNs in a column of the entry `own`, sorted.

        A DN that names nothing stays as it is. A group that is replaced by its members may have
        none. Members that are neither people nor groups are left out if they have no replacement.
        """
        choice = self._choice.get(column.lower(), 0)
        nests = self.nests(column)
        expands = base_name(column) in EXPANDED
        if not (nests or expands) and len(dns) == 1:
            return [self._named(column, dns[0], index.find(digest(dns[0])), choice)]
        seen = {digest(own)} if nests else set()
        found: set[str] = set()
        waiting = list(dns)
        while waiting:
            dn = waiting.pop()
            key = digest(dn)
            if key in seen:
                continue
            seen.add(key)
            named = index.find(key)
            if named is not None and nests:
                waiting += _further(named, column)
                if expands and self._is_group(named):
                    continue
            replacement = self._named(column, dn, named, choice)
            if not (expands and _is_no_user(named, choice)):
                found.add(replacement)
        return sorted(found)

    def _is_group(self, named: Named) -> bool:
        """Return whether an entry is a group, with or without members."""
        return (
            named.classes in self._classes_of_groups
            or are_of_group(named.classes)
            or bool(_members(named))
        )

    def _named(self, column: str, dn: str, named: Named | None, choice: int) -> str:
        """Return the replacement for a DN, and note whether there is one."""
        value = None if named is None else named.values[choice]
        if value is None:
            self._unresolved.setdefault(column, dn)
            return dn
        self._resolved.add(column)
        return value


def may_expand(columns: Iterable[str]) -> bool:
    """Return whether one of the columns has members."""
    return any(base_name(column) in EXPANDED for column in columns)


def _is_no_user(named: Named | None, choice: int) -> bool:
    """Return whether an entry is known to name no user: it was read, and is no person."""
    return named is not None and named.values[choice] is None and are_of_no_user(named.classes)


def _further(named: Named, column: str) -> Sequence[str]:
    """Return the DNs to which an entry leads that a column names."""
    return _members(named) if base_name(column) in EXPANDED else named.links.get(column, ())


def _members(named: Named) -> list[str]:
    """Return the DNs of the members of an entry, whichever attribute its class has for them."""
    return [dn for column, dns in named.links.items() if may_expand([column]) for dn in dns]


Lookup = Callable[[Sequence[str]], Iterable[tuple[str, Named]]]
"""A function that returns those of some DNs that name an entry, with what they offer."""


def complete(
    index: EntryIndex, missing: Iterable[tuple[str, str]], references: DnReferences, look_up: Lookup
) -> None:
    """Add the entries that the columns refer to and that the index lacks, level by level.

    `missing` are columns, each with a DN that the index lacks.
    """
    tried: set[bytes] = set()
    waiting = {digest(dn): (column, dn) for column, dn in missing}
    while waiting:
        tried |= waiting.keys()
        columns = {column for column, _ in waiting.values()}
        level = [dn for _, dn in waiting.values()]
        for dn, named in look_up(level):
            index.add(dn, named)
        waiting = {
            key: (column, further)
            for column in columns
            for dn in level
            for further in references.missing(column, [dn], index)
            if (key := digest(further)) not in tried
        }
