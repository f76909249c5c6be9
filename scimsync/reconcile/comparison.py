"""Compare a resource as a target shows it with what the target acknowledged.

| link     | the account shows    | finding                                     |
| -------- | -------------------- | ------------------------------------------- |
| active   | `active` false       | deactivated (not with an open invitation)   |
| inactive | `active` true        | reactivated                                 |
| inactive, access to be removed | `active` true | still active                 |
| active, access to be removed   | `active` true | still active                 |
| deleted  | it exists, active    | reactivated                                 |
| any      | another value        | changed, unless it is the target's own form |
| any      | no value             | changed, unless the target never shows it   |

The target's own forms are those that `echoes.agrees` ignores (case, order, booleans as texts,
further sub-attributes), and those that it showed in response to what was sent (`Link.echoes`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scimsync.model.changes import Change
from scimsync.model.ids import Kind
from scimsync.model.links import KnownResource, LinkStatus
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.reconcile.drift_findings import Drift
from scimsync.scim.exact_values import exact_readers
from scimsync.scim.resources import project
from scimsync.targets.echo_comparison import is_own_form
from scimsync.targets.shown_resources import active_of

_PLACEHOLDERS = (IdOf, RandomText, SecretValue)


@dataclass(frozen=True, slots=True)
class ShownRules:
    """What a target shows of the attributes that were sent.

    `unseen` are paths that are not compared: sent at creation only, never returned, not supported.
    `invites`: an active user may be shown as inactive until they accept an invitation.
    """

    unseen: frozenset[str] = frozenset()
    invites: bool = False


@dataclass(frozen=True, slots=True)
class ResourceDifference:
    """How a resource differs: `drift` of its access, if any, and `changes` of its values.

    `absent` are those of the changes whose attribute is not shown at all.
    """

    drift: Drift | None
    changes: tuple[Change, ...] = ()

    @property
    def absent(self) -> tuple[str, ...]:
        """The paths of the attributes that are not shown."""
        return tuple(change.path for change in self.changes if change.after is None)

    def without(self, paths: Collection[str]) -> ResourceDifference | None:
        """Return the difference without absent attributes at `paths`, None if none is left."""
        kept = tuple(
            change
            for change in self.changes
            if change.after is not None or change.path not in paths
        )
        return ResourceDifference(self.drift, kept) if kept or self.drift is not None else None


def compare(
    kind: Kind, known: KnownResource, resource: Mapping[str, Any], rules: ShownRules
) -> ResourceDifference | None:
    """Return how a resource differs from its known state, or None if it does not."""
    drift = _access(known, resource, rules) if kind is Kind.USER else None
    if known.status is LinkStatus.DELETED:
        return None if drift is None else ResourceDifference(drift)
    changes = tuple(_changes(known, resource, rules))
    return ResourceDifference(drift, changes) if changes or drift is not None else None


def is_removed(known: KnownResource, resource: Mapping[str, Any]) -> bool:
    """Return whether a resource shows that the access of a leaver is removed as acknowledged."""
    return known.status is LinkStatus.INACTIVE and active_of(resource) is False


def _access(known: KnownResource, resource: Mapping[str, Any], rules: ShownRules) -> Drift | None:
    active = active_of(resource)
    if active is not False and known.status is LinkStatus.DELETED:
        return Drift.REACTIVATED  # an account that shows no `active` gives access
    if active and known.access_to_remove:
        return Drift.STILL_ACTIVE
    if active and known.status is LinkStatus.INACTIVE:
        return Drift.REACTIVATED
    if active is False and known.status is LinkStatus.ACTIVE and not rules.invites:
        return Drift.DEACTIVATED if known.document.get("active") is True else None
    return None


def _changes(
    known: KnownResource, resource: Mapping[str, Any], rules: ShownRules
) -> Iterator[Change]:
    paths = []
    readers = exact_readers(tuple(known.document))
    for (path, sent), read in zip(known.document.items(), readers, strict=True):
        shown = read(resource)
        if sent != shown or type(sent) is not type(shown):
            paths.append(path)
    if not paths:  # by far the most frequent case
        return
    paths = [
        path
        for path in paths
        if path != "active"
        and path not in rules.unseen
        and not isinstance(known.document[path], _PLACEHOLDERS)
    ]
    held = project(resource, paths)
    for path in paths:
        sent, shown = known.document[path], held.get(path)
        if sent == shown and type(sent) is type(shown):
            continue
        if shown is not None and is_own_form(known.echoes, path, sent, shown):
            continue
        yield Change(path, sent, shown)
