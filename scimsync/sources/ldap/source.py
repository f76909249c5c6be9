"""The entries of an LDAP server as records."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from scimsync.errors import SourceFormatError
from scimsync.model.did_you_mean import did_you_mean
from scimsync.sources.base import SourceSpec
from scimsync.sources.directory import ldap_filters
from scimsync.sources.directory.attribute_types import DN_COLUMN, AttributeTypes, base_name
from scimsync.sources.directory.dn import common_suffix, is_below
from scimsync.sources.directory.entry_columns import EntryColumns
from scimsync.sources.directory.references import (
    ASCENDED,
    EXPANDED,
    DnReferences,
    Lookup,
    Named,
    digest,
)
from scimsync.sources.directory.settings import ALL
from scimsync.sources.directory.source import DirectorySource, Entry, Offer
from scimsync.sources.ldap.ldap_connection import BoundServer, connected, label_of
from scimsync.sources.ldap.search import ANY, Attributes, FoundEntry, LdapSearch, find, read
from scimsync.sources.ldap.server_schema import check_base, check_rules, read_types
from scimsync.sources.ldap.settings import LdapSettings
from scimsync.sources.workspace import Workspace

_READ_ONE_BY_ONE = 200
"""As many entries outside of the source are read one by one; more of them by one search."""

_NO_ATTRIBUTES = "1.1"


class LdapSource(DirectorySource[LdapSettings]):
    """The entries below `base` that match `filter`."""

    def __init__(self, spec: SourceSpec[LdapSettings], workspace: Workspace) -> None:
        settings = spec.settings
        super().__init__(spec, workspace, label_of(settings.address), settings.filter)
        self.nested = spec.settings.nested is True
        self._server: BoundServer | None = None
        self._types: AttributeTypes | None = None
        self._on_other_servers: set[bytes] = set()

    @property
    def _query(self) -> str:
        settings = self.spec.settings
        if settings.filter is not None:
            return settings.filter
        return ANY if settings.key == DN_COLUMN else f"({settings.key}=*)"

    def make_columns(self) -> EntryColumns:
        """Return the columns. Connect if the schema is not known yet."""
        if self._types is None:
            with ExitStack() as stack:
                server = self._server or stack.enter_context(connected(self.spec))
                self._types = self._checked_types(server)
        return EntryColumns(self.spec.settings, self._types)

    def lines(self) -> Generator[bytes]:
        """Read all entries, resolve their DNs, and yield them as lines of JSON."""
        with self._connection():
            yield from super().lines()

    def first_records(self, limit: int) -> list[Mapping[str, object]]:
        """Return the first records with all columns; DNs stay as they are."""
        key = self.spec.settings.key
        with self._connection() as server:
            if self.spec.settings.read_schema and key not in self._read_types(server):
                settings = self.spec.settings.model_copy(update={"key": DN_COLUMN})
                spec = replace(self.spec, settings=settings)
                return LdapSource(spec, self._workspace).first_records(limit)
            return self.first_entries(limit)

    def entries(self, columns: EntryColumns) -> Generator[Entry]:
        """Read all entries."""
        server = self._connected()
        offered = Offer(self.spec.key, columns, self.references())
        wanted = dict.fromkeys((*columns.named, *offered.attributes))
        wanted.pop(DN_COLUMN, None)
        listed = self.spec.settings.attributes or ALL[:1]
        attributes = [*wanted, *(name for name in listed if name in ALL)]
        found = find(server, self._search(self._query, attributes))
        if self.spec.settings.nested == "in-chain":
            with connected(self.spec) as second:  # a connection has one paged search at a time
                for entry in found:
                    yield Entry(entry.dn, self._with_chain(second, columns, entry))
        else:
            for entry in found:
                yield Entry(entry.dn, entry.attributes)

    def look_up(self, columns: EntryColumns, references: DnReferences) -> Lookup:
        """Return the function that reads entries outside of the source from the same server."""
        server = self._connected()
        offered = Offer(self.spec.key, columns, references)
        listed = (*columns.named, *(() if columns.are_known else sorted(EXPANDED | ASCENDED)))
        names = dict.fromkeys((*offered.attributes, *filter(references.nests, listed)))
        attributes = [name for name in names if name != DN_COLUMN]

        def offer(found: FoundEntry) -> tuple[str, Named]:
            record = columns.record(found.dn, found.attributes)
            return found.dn, offered.by(record, found.attributes)

        def look_up(dns: Sequence[str]) -> Iterator[tuple[str, Named]]:
            suffix = common_suffix(dns)
            if len(dns) <= _READ_ONE_BY_ONE or not suffix:
                for dn in dns:
                    entry, elsewhere = read(server, dn, attributes or [_NO_ATTRIBUTES])
                    if entry is not None:
                        yield offer(entry)
                    elif elsewhere:
                        self._on_other_servers.add(digest(dn))
                return
            query = f"(|{''.join(f'({name}=*)' for name in attributes)})" if attributes else ANY
            wanted = set(map(digest, dns))
            for entry in find(server, self._search(query, attributes or [_NO_ATTRIBUTES], suffix)):
                if digest(entry.dn) in wanted:
                    yield offer(entry)

        return look_up

    def ought_to_be_read(self, dn: str) -> bool:
        """Return whether a DN that names nothing names an entry of this server."""
        return digest(dn) not in self._on_other_servers

    def _connected(self) -> BoundServer:
        if self._server is None:
            raise AssertionError("entries are read while rows is running")
        return self._server

    def _search(self, query: str, attributes: Sequence[str], base: str | None = None) -> LdapSearch:
        settings = self.spec.settings
        scope = "LEVEL" if base is None and settings.scope == "one" else "SUBTREE"
        where = settings.base if base is None else base
        place = self.spec.setting("base")
        return LdapSearch(where, query, attributes, settings.page_size, place, scope)

    def _with_chain(
        self, server: BoundServer, columns: EntryColumns, entry: FoundEntry
    ) -> Attributes:
        """Return the attributes of a group with all its members, as Active Directory knows them."""
        found: Attributes = []
        for name, values in entry.attributes:
            column = columns.of(name)
            if column is not None and base_name(name) in EXPANDED:
                values = [dn.encode() for dn in self._chain(server, entry.dn)]  # noqa: PLW2901
            found.append((name, values))
        return found

    def _chain(self, server: BoundServer, group: str) -> Iterable[str]:
        contexts = (*server.info.of("defaultNamingContext"), *server.info.of("namingContexts"))
        base = next((one for one in contexts if is_below(group, one)), self.spec.settings.base)
        rule = f"(memberOf:{ldap_filters.IN_CHAIN}:={ldap_filters.escaped(group)})"
        query = f"(&(!(objectClass=group)){rule})"
        for entry in find(server, self._search(query, [_NO_ATTRIBUTES], base)):
            yield entry.dn

    def _checked_types(self, server: BoundServer) -> AttributeTypes:
        """Return the server's description of attributes.

        Raise SourceFormatError for a base that cannot be read, and for attributes or rules that the
        server does not know: it would show no entry, or no values, instead of an error.
        """
        settings = self.spec.settings
        types = self._read_types(server)
        query = ldap_filters.parse(self._query)
        if settings.read_schema:
            named = [
                ("key", [settings.key]),
                ("attributes", settings.attributes or ()),
                ("single", settings.single or ()),
                ("references", [*settings.references, *settings.references.values()]),
                ("filter", [item.attribute for item in ldap_filters.items(query)]),
            ]
            for option, names in named:
                for name in names:
                    if name not in ("", *ALL) and name not in types:
                        raise SourceFormatError(
                            f'{self.spec.setting(option)}: {self.label} has no attribute "{name}"',
                            hint=did_you_mean(base_name(name), list(types)),
                            code="SYNC-0254",
                        )
        check_rules(self.spec, server, query, types)
        return types

    def _read_types(self, server: BoundServer) -> AttributeTypes:
        subschema = check_base(self.spec, server)
        if not self.spec.settings.read_schema:
            return AttributeTypes()
        return read_types(self.spec, server, subschema)

    @contextmanager
    def _connection(self) -> Iterator[BoundServer]:
        """Connect, and keep the connection open within the context."""
        with connected(self.spec) as server:
            self._server = server
            try:
                yield server
            finally:
                self._server = None
