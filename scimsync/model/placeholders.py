"""Values that are known only when a request is sent.

A placeholder is always the whole value of an attribute; it never occurs inside a list or an object.
"""

from __future__ import annotations

from dataclasses import dataclass

from scimsync.model.ids import Key


@dataclass(frozen=True, slots=True)
class IdOf:
    """The remote id of the account of `key`."""

    key: Key


@dataclass(frozen=True, slots=True)
class RandomText:
    """`length` random characters, generated for one request and stored nowhere."""

    length: int


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A sensitive value, represented by a digest.

    The digest is enough to see that the value changed. Neither journal nor links hold the value.
    """

    digest: str
