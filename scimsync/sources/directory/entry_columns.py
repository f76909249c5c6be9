"""Turn the attributes of entries into the columns of records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from scimsync.sources.directory.attribute_types import (
    DN_COLUMN,
    LEFT_OUT,
    AttributeTypes,
    Form,
    base_name,
)
from scimsync.sources.directory.dn import rdn_values, without_bit_string
from scimsync.sources.directory.entry_values import CONVERT, Convert, is_disabled
from scimsync.sources.directory.settings import (
    ALL,
    DISABLED_COLUMN,
    DirectorySettings,
)

Attributes = Iterable[tuple[str, Sequence[bytes]]]
"""Attribute descriptions with their values. One may come several times."""

_CONTROL = "useraccountcontrol"


class NotText(ValueError):
    """A value of an attribute of texts is not UTF-8. The message says which."""


class EntryColumn(NamedTuple):
    """Where the values of an attribute description go."""

    name: str
    attribute: str
    convert: Convert
    single: bool
    form: Form


@dataclass(slots=True)
class EntryRecord:
    """An entry as a record. `problem` says why it cannot be used, None if it can.

    `cells` holds the values by column, and DNs as they are. `links` maps the columns of DNs to
    these.
    """

    dn: str
    cells: dict[str, object]
    links: dict[str, list[str]] = field(default_factory=dict)
    problem: str | None = None


class EntryColumns:
    """The columns of a source of directory entries."""

    def __init__(self, settings: DirectorySettings, types: AttributeTypes) -> None:
        self.types = types
        self._key = settings.key
        listed = settings.attributes
        self._all = listed is None or bool(set(ALL).intersection(listed))
        named = [name for name in listed or () if name not in ALL]
        self.named = tuple(n for n in dict.fromkeys((settings.key, *named)) if n != DN_COLUMN)
        self._single = {self._identity(name) for name in (*(settings.single or ()), settings.key)}
        written = (*self.named, *(settings.single or ()), *settings.references)
        self._names = {self._identity(name): name for name in reversed(written)}
        self._columns: dict[str, EntryColumn | None] = {}
        self._control = ""  # the column of userAccountControl

    @property
    def are_known(self) -> bool:
        """Whether the columns are known without reading entries."""
        return not self._all

    @property
    def known(self) -> list[str]:
        """The columns that are known without reading entries."""
        return self.with_derived(self.named)

    def with_derived(self, names: Iterable[str]) -> list[str]:
        """Return the columns of the attributes `names`, with those that every record gets."""
        found = dict.fromkeys((DN_COLUMN, *names))
        if any(base_name(name) == _CONTROL for name in found):
            found[DISABLED_COLUMN] = None
        return list(found)

    def may_refer(self) -> bool:
        """Return whether a column may hold DNs."""
        return self._all or any(self.types.of(name).form is Form.DN for name in self.named)

    def of(self, description: str) -> EntryColumn | None:
        """Return where the values of an attribute description go, None for nowhere."""
        key = description.lower()
        if key not in self._columns:
            self._columns[key] = self._find(description)
        return self._columns[key]

    def record(self, dn: str, attributes: Attributes) -> EntryRecord:
        """Return an entry as a record. Raise NotText."""
        record = EntryRecord(dn, {DN_COLUMN: dn})
        cells = record.cells
        columns = self._columns
        for description, raw in attributes:
            try:
                column = columns[description]
            except KeyError:
                column = columns[description] = self.of(description)
            if column is None or not raw:
                continue
            name, _, _, single, form = column
            values = _converted(column, raw)
            if form is Form.DN:
                values = [without_bit_string(str(value)) for value in values]
                record.links.setdefault(name, []).extend(map(str, values))
            if name not in cells and (not single or len(values) == 1):
                cells[name] = values[0] if single else values
            elif single:
                self._choose(record, column, values)
            else:
                present = cells[name]
                cells[name] = [*present, *values] if isinstance(present, list) else values
        if self._control in cells:
            cells.setdefault(DISABLED_COLUMN, is_disabled(cells[self._control]))
        return record

    def _choose(self, record: EntryRecord, column: EntryColumn, values: list[object]) -> None:
        """Take the value that names the entry, of several, or report the entry."""
        present = record.cells.pop(column.name, None)
        every = dict.fromkeys(map(str, values if present is None else [present, *values]))
        naming = [value for value in rdn_values(record.dn, column.attribute) if value in every]
        if len(every) == 1 or naming:
            record.cells[column.name] = (naming or list(every))[0]
            return
        record.problem = record.problem or (
            f"{record.dn}: {column.name} has {len(every)} values, and {self._why(column)} takes one"
        )

    def _why(self, column: EntryColumn) -> str:
        return "the key" if column.name == self._key else "single"

    def _find(self, description: str) -> EntryColumn | None:
        name, _, rest = description.lower().partition(";")
        options = [option for option in rest.split(";") if option not in ("", "binary")]
        plain = ";".join([name, *options])
        identity = self._identity(plain)
        asked = identity in self._names
        if not asked and (not self._all or name in LEFT_OUT):
            return None
        column = self._names.get(identity)
        if column is None:
            column = description.partition(";")[0] + "".join(f";{option}" for option in options)
        if plain == _CONTROL:
            self._control = column
        found = self.types.of(name)
        single = found.single or identity in self._single
        return EntryColumn(column, name, CONVERT[found.form], single, found.form)

    def _identity(self, description: str) -> str:
        """Return a text that all names of an attribute share, with the options."""
        name, _, options = description.lower().removesuffix(";binary").partition(";")
        first = self.types.of(name).names[0]
        return f"{first};{options}" if options else first


def values_of(attributes: Attributes, names: Collection[str]) -> list[bytes]:
    """Return the values of an attribute, given all its names in lower case."""
    return [
        value for description, raw in attributes if base_name(description) in names for value in raw
    ]


def name_reader(columns: EntryColumns, name: str) -> Callable[[str, Attributes], str | None]:
    """Return the function that gives the value of an attribute by which others may name an entry.

    That is the only value, or of several the one in the DN; None without such a value.
    """
    identity = columns.types.of(base_name(name)).names
    convert = CONVERT[columns.types.of(name).form]

    def read(dn: str, attributes: Attributes) -> str | None:
        found = map(convert, values_of(attributes, identity))
        try:
            values = {str(value) for value in found if value is not None}
        except UnicodeDecodeError:
            return None
        if len(values) > 1:
            values = values.intersection(rdn_values(dn, base_name(name)))
        return values.pop() if len(values) == 1 else None

    return read


def _converted(column: EntryColumn, raw: Sequence[bytes]) -> list[Any]:
    name, _, convert, _, _ = column
    try:
        return [convert(raw[0])] if len(raw) == 1 else list(map(convert, raw))
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise NotText(f"byte 0x{byte:02x} of {name} is not UTF-8") from None
