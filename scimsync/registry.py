"""Registries: the implementations that names in sync.toml refer to, such as dialects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pkgutil import resolve_name
from typing import Any, Generic, TypeVar

Kind = TypeVar("Kind", covariant=True)


class UnknownName(KeyError):
    """A registry does not have a name; `str()` is one line that lists the names it has."""

    def __str__(self) -> str:  # KeyError shows the repr of its argument
        return str(self.args[0])


@dataclass(frozen=True, eq=False, slots=True)
class Imported(Mapping[str, Any]):
    """What names stand for, each imported when it is first used: most are not, in most runs.

    `places` maps a name to `module:attribute`.
    """

    places: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return resolve_name(self.places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True, eq=False, slots=True)
class Registry(Mapping[str, Kind], Generic[Kind]):
    """Names and their implementations. `what` is the word for one of them in messages.

    A registry does not change. A new kind is one more line where the registry is defined; a test
    passes `registry.with_(name, kind)` to the code that it runs. Indexing raises UnknownName.
    """

    what: str
    kinds: Mapping[str, Kind]

    def __getitem__(self, name: str) -> Kind:
        try:
            return self.kinds[name]
        except KeyError:
            known = ", ".join(sorted(self.kinds))
            raise UnknownName(f"no {self.what} {name!r}; there are: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.kinds)

    def __len__(self) -> int:
        return len(self.kinds)

    def with_(self, name: str, kind: Kind) -> Registry[Kind]:  # type: ignore[misc]
        """Return a registry that also has `kind` under `name`, replacing any entry of that name."""
        return replace(self, kinds={**self.kinds, name: kind})
