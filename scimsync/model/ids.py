"""Identifiers and the types of values: keys, remote ids, sequence numbers, documents."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NewType

Key = NewType("Key", str)
"""Identifies a record in its source (`[sources.NAME] key`). Always text."""

RemoteId = NewType("RemoteId", str)
"""The `id` that a target gave to a resource (RFC 7643 section 3.1)."""

Seq = NewType("Seq", int)
"""Sequence number of a record's last change. All sources of a state database share one sequence."""

Value = Any
"""A JSON value as SCIM defines them: str, bool, int, float, or a list or dict of these.

Never None and never "": an absent attribute has no entry in a document.
"""

Document = Mapping[str, Value]
"""Managed attributes of a resource: canonical path (`name.givenName`,
`emails[type eq "work"].value`) -> value."""


IDENTITY_ATTRIBUTES = ("externalId", "userName")
"""The attributes that tell whose an account is, whatever others it is found by."""


class Kind(StrEnum):
    """The SCIM resource types that scimsync manages."""

    USER = "user"
    GROUP = "group"

    @property
    def noun(self) -> str:
        """The word for a resource of this kind in messages."""
        return "account" if self is Kind.USER else "group"

    @property
    def a_noun(self) -> str:
        """That word with its article."""
        return f"an {self.noun}" if self is Kind.USER else f"a {self.noun}"


UNIQUE_ATTRIBUTE = {Kind.USER: "userName", Kind.GROUP: "displayName"}
"""The attribute that no two resources of a kind may share at one target."""


def fold_case(text: str) -> str:
    """Return a text in the form in which texts are compared without case.

    Each character is replaced by its lower case if that is a single character. Case folding would
    also make two names one: `strauß` and `strauss`, or a ligature and its letters.
    """
    if text.isascii():
        return text.lower()
    return "".join([low if len(low := char.lower()) == 1 else char for char in text])


def fold_name(value: object) -> str | None:
    """Return a userName or displayName in the form in which names are compared.

    Comparison is case-insensitive (RFC 7643 section 4.1.1). None stays None.
    """
    return None if value is None else fold_case(str(value))


def fold_value(path: str, value: object) -> str | None:
    """Return the value of an attribute in the form in which resources are matched by it.

    Case matters for `externalId` and `id` only (RFC 7643 sections 2.2 and 3.1). None stays None.
    """
    if value is None:
        return None
    return str(value) if path.lower() in ("externalid", "id") else fold_name(value)
