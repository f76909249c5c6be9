"""Plan users and groups that a revert has pinned: they stay as it left them.

A pin replaces what is desired by what the target acknowledged, with the restored values. A revert
that failed in part is so finished by the next push. The pin ends when the sources and sync.toml ask
for something else than at the time of the revert, for example when the user leaves. A record that
was out of scope and is removed counts as that, too. It also ends when the user is deprovisioned by
hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from scimsync.desired import Desired
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.model.pins import Pin
from scimsync.plan.candidates import Policy
from scimsync.plan.protocols import PlanningState


def asked_digest(desired: Desired | None, policy: Policy, kind: Kind) -> str:
    """Return the digest of what the sources and sync.toml ask for.

    None means that there is no record. That differs from a record out of scope: a user who is taken
    out of a source after the revert leaves. Values sent only at creation are left out, and so are
    the members of a group, which are pinned one by one.
    """
    what: list[object] | bool = desired is not None
    if desired is not None and desired.in_scope:
        extras = desired.extras if kind is Kind.USER else {}
        what = [dict(desired.document), dict(extras)]
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    text = orjson.dumps([what, policy.leave.action, policy.revoke], default=repr, option=options)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


@dataclass(slots=True)
class Pinned:
    """What pins mean for some keys.

    `desired` are the documents that the resources should have, with their pins. `kept` are the keys
    whose pin has an effect, and `ended` those with a pin that no longer has one.
    """

    desired: dict[Key, Desired]
    kept: set[Key] = field(default_factory=set)
    ended: set[Key] = field(default_factory=set)


class Pins:
    """The pins of one kind of resource at one target, as a plan applies them."""

    def __init__(self, state: PlanningState, kind: Kind, policy: Policy) -> None:
        self._state = state
        self._kind = kind
        self._policy = policy

    def apply(
        self, keys: Sequence[Key], desired: Mapping[Key, Desired], failures: Iterable[Key]
    ) -> Pinned:
        """Return the documents that pinned `keys` should have. Those that fail are not changed."""
        pinned = Pinned(dict(desired))
        pins = self._state.pins(self._kind, keys)
        for key in pins.keys() & set(failures):
            del pins[key]
        if not pins:
            return pinned
        links = self._state.links(self._kind, list(pins))
        held = self._state.held(list(pins)) if self._kind is Kind.USER else ()
        for key, pin in pins.items():
            asked = asked_digest(desired.get(key), self._policy, self._kind)
            if key in held or pin.asked != asked:
                pinned.ended.add(key)
                continue
            link = links.get(key)
            if (link is None or not link.has_account) and self._needs_group(key):
                pinned.ended.add(key)
                continue
            pinned.kept.add(key)
            pinned.desired.pop(key, None)
            if link is not None and (link.has_account or link.in_doubt):
                pinned.desired[key] = _as_pinned(key, link, pin, desired.get(key))
        return pinned

    def _needs_group(self, key: Key) -> bool:
        """Return whether a user is to be a member of a group that a revert has deleted."""
        return self._kind is Kind.GROUP and any(
            membership.effective for membership in self._state.memberships_of_group(key)
        )


def _as_pinned(key: Key, link: Link, pin: Pin, desired: Desired | None) -> Desired:
    document = dict(link.document)
    if link.status is LinkStatus.INACTIVE:
        document["active"] = False
    for path, value in pin.values.items():
        if value is None:
            document.pop(path, None)
        else:
            document[path] = value
    extras = {} if desired is None else desired.extras
    return Desired(key=key, in_scope=True, document=document, extras=extras)
