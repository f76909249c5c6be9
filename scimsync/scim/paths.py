"""Attribute paths (`PATH` of RFC 7644 section 3.5.2): a parser, `str()`, and filters by a value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from scimsync.scim.filters import (
    And,
    AttributeComparison,
    AttributePath,
    Filter,
    ValuePath,
    filter_at,
)
from scimsync.scim.grammar import Cursor, FilterError, PathError, Scalar


@dataclass(frozen=True, slots=True)
class Path:
    """`attrPath` or `valuePath [subAttr]`: the target of a PATCH operation or a mapping.

    `userName` has only an attribute, `name.givenName` also a sub-attribute, and `emails[type eq
    "work"].value` also a filter. `schema` is the URN of an extension. Names keep their spelling;
    compare paths by `key`.
    """

    schema: str | None
    attribute: str
    filter: Filter | None = None
    sub: str | None = None

    def __str__(self) -> str:
        selection = "" if self.filter is None else f"[{self.filter}]"
        return f"{self.parent}{selection}" + (f".{self.sub}" if self.sub else "")

    @property
    def parent(self) -> str:
        """The path of the whole attribute, without filter and sub-attribute."""
        return f"{self.schema}:{self.attribute}" if self.schema else self.attribute

    @property
    def key(self) -> str:
        """A text that is equal for all spellings of the same path.

        Names are case-insensitive (RFC 7643 section 2.1).
        """
        return str(self).casefold()


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Parse a path; `parse_path(str(x)) == x`.

    The schema is everything up to the last ":" before any "[". Raise PathError, with the position
    and what was expected.
    """
    cursor = Cursor(text, PathError)
    schema, attribute, sub = cursor.attribute()
    selection = None
    if cursor.follows("["):
        if sub is not None:
            raise cursor.problem(f"a filter belongs to '{attribute}', before '.{sub}'")
        cursor.advance()
        selection = filter_at(cursor, in_value_path=True)
        cursor.expect("]", "'and', 'or' or ']'")
        sub = cursor.sub_attribute()
    if cursor.token.kind != "end":
        raise cursor.wrong("the end of the path")
    return Path(schema, attribute, selection, sub)


def eq_filter(attribute: str, value: Scalar) -> str:
    """Return the filter that finds resources by their value at a path.

    The value is escaped as in JSON. In a value path the comparison goes inside the brackets:
    `emails[type eq "work"].value` and "ann@example.com" become `emails[type eq "work" and value eq
    "ann@example.com"]`.

    Raise PathError for text that is not a path, and FilterError for a value that is not valid
    Unicode.
    """
    path = parse_path(attribute)
    found: Filter
    if path.filter is None:
        found = AttributeComparison(
            AttributePath(path.schema, path.attribute, path.sub), "eq", value
        )
    else:
        wanted = AttributeComparison(AttributePath(None, path.sub or "value"), "eq", value)
        parts = path.filter.operands if isinstance(path.filter, And) else (path.filter,)
        found = ValuePath(AttributePath(path.schema, path.attribute), And((*parts, wanted)))
    text = str(found)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise FilterError(ascii(text), 1, "a value that is not valid Unicode") from None
    return text
