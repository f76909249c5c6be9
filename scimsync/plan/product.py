"""What a product does with requests, as far as planning has to know it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from scimsync.errors import coded
from scimsync.formatting import plural
from scimsync.model.changes import Change
from scimsync.model.ids import Document, Key, Kind, RemoteId, Value
from scimsync.model.operations import Action
from scimsync.scim.attributes import same_value


@dataclass(frozen=True, slots=True)
class ProductRules:
    """The facts of a target's profile that decide what is planned.

    `name` is that of the product, for messages. `max_chars` are the largest numbers of
    characters of attributes of users, and `forbidden` characters that no value of them may have.
    `id_is` is the attribute of users that is
    their id, if there is one, and `write_delay` the seconds after a write in which reads may show
    what was there before. `groups` says what can be done with groups, and
    `members_returned` whether a group that is read shows its members. `left_out` are mapped
    attributes of users that it does not support, `send_only` those that it never returns, and
    `immutable` those that cannot be changed after the creation; `group_immutable` are those of
    groups. `asks_to_delete`: the settings of the target require deletions. `invites`: new users get
    an invitation, and may be inactive until they accept it. `deactivation` and `deletion` are what
    a deactivated and a deleted user loses: see `Profile.deactivate_means` and `delete_means`.
    """

    name: str = ""
    max_chars: Mapping[str, int] = field(default_factory=dict, hash=False)
    forbidden: str = ""
    id_is: str | None = None
    write_delay: int = 0
    groups: str = "full"
    members_returned: bool = True
    left_out: tuple[str, ...] = ()
    asks_to_delete: bool = False
    send_only: tuple[str, ...] = ()
    invites: bool = False
    immutable: tuple[str, ...] = ()
    group_immutable: tuple[str, ...] = ()
    deactivation: str = "deactivate"
    deletion: str = "delete"

    @property
    def deactivation_deletes(self) -> bool:
        """Whether an account that is deactivated there no longer exists."""
        return self.deactivation in ("forget", "delete")

    @property
    def deletes(self) -> bool:
        """Whether users can be deleted."""
        return self.deletion not in ("deactivate", "refuse")

    def new_id(self, kind: Kind, changes: Iterable[Change]) -> RemoteId | None:
        """Return the id that a resource gets by some changes, or None if it keeps its id."""
        if kind is Kind.USER and self.id_is is not None:
            for change in changes:
                if change.path == self.id_is and isinstance(change.after, str):
                    return RemoteId(change.after)
        return None

    def why_refused(self, kind: Kind, changes: Iterable[Change]) -> str | None:
        """Return why the product refuses one of some values, or cuts it, or None if it takes all.

        URLs are not checked for characters.
        """
        if kind is not Kind.USER or not (self.max_chars or self.forbidden):
            return None
        for change in changes:
            value = change.after
            if not isinstance(value, str):
                continue
            most = self.max_chars.get(change.path)
            if most is not None and len(value) > most:
                takes = f"{self.name} takes at most {most}"
                return coded(f"{change.path} has {len(value)} characters, and {takes}", "SYNC-0467")
            refused = next((one for one in value if one in self.forbidden), None)
            if refused is not None and "://" not in value:
                what = f"{change.path} has the character {refused!r}, which {self.name} refuses"
                return coded(what, "SYNC-0467")
        return None

    @property
    def creates_groups(self) -> bool:
        """Whether groups can be created, or linked by a creation."""
        return self.groups != "update"

    @property
    def deletes_groups(self) -> bool:
        """Whether groups can be deleted."""
        return self.groups not in ("update", "link")

    def meaning_of(self, action: Action) -> str | None:
        """Return what an operation on a user does besides its usual effect, or None."""
        removes = f"removes the user from {self.name}"
        if action is Action.CREATE and self.invites:
            return "sends an invitation"
        meanings = {
            (Action.DEACTIVATE, "remove"): removes,
            (Action.DEACTIVATE, "forget"): removes,
            (Action.DEACTIVATE, "delete"): "deletes for good",
            (Action.DELETE, "remove"): f"{removes}, and keeps the account",
            (Action.DELETE, "irreversible"): "cannot be undone",
        }
        kind = self.deactivation if action is Action.DEACTIVATE else self.deletion
        return meanings.get((action, kind))

    def immutable_of(self, kind: Kind) -> tuple[str, ...]:
        """Return the attributes of a kind of resource that cannot be changed."""
        return self.immutable if kind is Kind.USER else self.group_immutable


GENERIC = ProductRules()
"""The rules of a product of which nothing is known."""


def _left_out(product: ProductRules) -> str:
    """Return the warning that mapped attributes are not sent, because they are left out."""
    are = plural(len(product.left_out), "mapped attribute is", "mapped attributes are")
    paths = ", ".join(product.left_out)
    return f"{are} left out: {product.name} does not support {paths}"


def keep_immutable(
    wanted: Document, held: Document, paths: Collection[str]
) -> tuple[dict[str, Value], list[str]]:
    """Return a document with the account's values at `paths`, and the paths that differ.

    `wanted` is the document of the account if everything could be changed.
    """
    kept = {path: value for path, value in wanted.items() if path not in paths}
    kept |= {path: held[path] for path in paths if path in held}
    differing = [
        path
        for path in paths
        if (path in wanted or path in held) and not same_value(wanted.get(path), held.get(path))
    ]
    return kept, differing


def unchangeable_attributes(
    product: str, kind: Kind, found: Mapping[str, Collection[Key]]
) -> Iterator[str]:
    """Yield the warnings that attributes stay as they are, by path and key."""
    for path, keys in found.items():
        stays = plural(len(keys), f"{kind.noun} keeps its", f"{kind.noun}s keep their")
        text = f"{stays} {path}, which {product} does not change after the creation: {_some(keys)}"
        yield coded(text, "SYNC-0461")


def pending_invitations(found: Collection[Key]) -> str:
    """Return the remark about users who did not accept their invitation, by key."""
    have = plural(len(found), "user has", "users have")
    return coded(f"{have} not accepted the invitation yet: {_some(found)}", "SYNC-0464")


def _some(keys: Collection[Key]) -> str:
    return ", ".join(sorted(keys)[:3]) + (" …" if len(keys) > 3 else "")


def no_groups(product: str, tables: int) -> str:
    """Return the warning that groups are not planned, because the product has none."""
    are = plural(tables, "group table is", "group tables are")
    return coded(f"{are} ignored: {product} has no groups over SCIM", "SYNC-0465")


def setting_warnings(product: ProductRules) -> Iterator[tuple[str, str]]:
    """Yield the settings of the target that the product cannot follow, each with a code."""
    if product.left_out:
        yield _left_out(product), "SYNC-0460"
    if product.asks_to_delete and not product.deletes:
        yield f"{product.name} deletes no users: leavers are deactivated, and stay so", "SYNC-0462"
