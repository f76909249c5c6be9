"""Values that are known only when a request is sent.

A placeholder is always the whole value of an attribute; it never occurs inside a list or an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scimsync.model.ids import Key


@dataclass(frozen=True, slots=True)
class IdOf:
    """The remote id of the account of `key`.

    `name` is set for a reference by something else than the key, such as an e-mail address:
    `email=ann@example.com`. Until it is looked up, and if no record has it, `key` is that name.
    """

    key: Key
    name: str | None = field(default=None, compare=False)

    @property
    def is_unresolved(self) -> bool:
        """Whether it is not known whose account it is."""
        return self.name is not None and self.key == self.name


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


def secrets_of(document: Mapping[str, object]) -> dict[str, SecretValue]:
    """Return the sensitive values of a document. No target shows whether it holds them."""
    return {path: value for path, value in document.items() if isinstance(value, SecretValue)}
