"""Find the records that references by name mean: `ref(manager_email, by="email")`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from scimsync.desired import Desired
from scimsync.desired.reference_lookup import resolved
from scimsync.errors import coded
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Value
from scimsync.model.placeholders import IdOf
from scimsync.plan.protocols import Records

AMBIGUOUS = "SYNC-0293"
"""The code of a reference that fits several records."""

_SOME = 500
_KEYS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class AmbiguousName:
    """The reference at `path` is to a name that several records have."""

    path: str
    name: str
    keys: Sequence[Key]

    @property
    def detail(self) -> str:
        """The message, without a code."""
        more = len(self.keys) - _KEYS_SHOWN
        who = ", ".join(self.keys[:_KEYS_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f"ambiguous reference: {len(self.keys)} records have {self.name}: {who}"

    def __str__(self) -> str:
        return coded(self.detail, AMBIGUOUS)


def resolve_names(
    records: Records, sources: Sequence[str], desired: Mapping[Key, Desired]
) -> tuple[dict[Key, Desired], dict[Key, AmbiguousName]]:
    """Return the desired documents of users, with keys instead of names in references.

    Users whose reference fits several records come second. A name that no record has stays.
    """
    by_user = {key: named for key, user in desired.items() if (named := dict(_names(user)))}
    wanted = sorted({name for names in by_user.values() for name in names.values()})
    after = dict(desired)
    if not wanted:
        return after, {}
    holders: dict[str, list[Key]] = {}
    for some in batches(wanted, _SOME):
        holders |= records.named(sources, some)
    single = {name: keys[0] for name, keys in holders.items() if len(keys) == 1}
    ambiguous: dict[Key, AmbiguousName] = {}
    for key, names in by_user.items():
        for path, name in names.items():
            if len(holders.get(name, ())) > 1:
                ambiguous.setdefault(key, AmbiguousName(path, name, holders[name]))
        user = after.pop(key) if key in ambiguous else after[key]
        if key not in ambiguous:
            once = _resolved(user.once, single)
            after[key] = replace(user, document=_resolved(user.document, single), once=once)
    return after, ambiguous


def _names(user: Desired) -> Iterator[tuple[str, str]]:
    """Yield the paths and the names of the references by name."""
    for document in (user.document, user.once):
        for path, value in document.items():
            if isinstance(value, IdOf) and value.name is not None and value.is_unresolved:
                yield path, value.name


def _resolved(document: Mapping[str, Value], found: Mapping[str, Key]) -> dict[str, Value]:
    return {
        path: resolved(value, found) if isinstance(value, IdOf) else value
        for path, value in document.items()
    }
