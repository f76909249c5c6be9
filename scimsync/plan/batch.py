"""The known facts about the users, groups or memberships that are planned at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scimsync.desired import Desired
from scimsync.model.accounts import Account
from scimsync.model.ids import Key, RemoteId, fold_name
from scimsync.model.links import Link

BATCH = 500
"""The number of users, groups or memberships that are planned at a time."""


@dataclass(slots=True)
class Batch:
    """The facts gathered about some keys.

    `undecided` are keys for which it is unknown whether a resource should exist. `read` holds
    resources that were read because they were in doubt, None if one is gone. `looked_up` are users
    who should have no account, and whose `accounts` were looked up. `pinned` are keys that stay as
    a revert left them, and `unpinned` those whose pin has ended.
    """

    keys: list[Key]
    links: dict[Key, Link]
    desired: dict[Key, Desired] = field(default_factory=dict)
    failures: dict[Key, str] = field(default_factory=dict)
    undecided: frozenset[Key] = frozenset()
    held: dict[Key, datetime] = field(default_factory=dict)
    read: dict[Key, dict[str, Any] | None] = field(default_factory=dict)
    accounts: dict[Key, tuple[Account, ...]] = field(default_factory=dict)
    looked_up: set[Key] = field(default_factory=set)
    pinned: set[Key] = field(default_factory=set)
    unpinned: set[Key] = field(default_factory=set)

    def is_gone(self, key: Key) -> bool:
        """Whether the resource was read and no longer exists."""
        return key in self.read and self.read[key] is None

    def has_account(self, key: Key) -> bool:
        """Whether the resource exists at the target."""
        link = self.links.get(key)
        return link is not None and link.has_account and not self.is_gone(key)

    def without_account(self, keys: Iterable[Key]) -> set[Key]:
        """Return those of `keys` whose resource does not exist at the target."""
        return {key for key in keys if not self.has_account(key)}

    def held_name(self, key: Key, path: str) -> str | None:
        """Return the folded name that an existing resource holds at `path`, None without one."""
        link = self.links.get(key)
        if link is None or not link.has_account:
            return None
        return fold_name(link.document.get(path))

    def is_wanted(self, key: Key) -> bool:
        """Whether the resource should exist, as far as that could be worked out."""
        desired = self.desired.get(key)
        return desired is not None and desired.in_scope and key not in self.failures

    def adopted_ids(self, adopted: Mapping[RemoteId, Key], keys: set[Key]) -> dict[Key, RemoteId]:
        """Return the ids of the accounts that the users `keys` of this batch adopt.

        `adopted` are those that others adopt in this plan.
        """
        found = Counter(self.found_ids)
        return {
            key: account.remote_id
            for key in keys & self.accounts.keys()
            if self.is_wanted(key) and len(self.accounts[key]) == 1
            for account in self.accounts[key]
            if account.owner is None
            and account.protected_by is None
            and found[account.remote_id] == 1
            and adopted.get(account.remote_id, key) == key
        }

    @property
    def planned(self) -> list[Key]:
        """The keys that can be planned."""
        return [key for key in self.keys if key not in self.failures]

    @property
    def found_ids(self) -> list[RemoteId]:
        """The ids of all accounts that matching found."""
        return [account.remote_id for accounts in self.accounts.values() for account in accounts]
