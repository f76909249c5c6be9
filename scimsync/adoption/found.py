"""What the searches of a plan found, kept for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scimsync.adoption.existing_accounts import ExistingAccount, existing_account
from scimsync.disk_collections import DiskMap
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.plan.candidates import Policy
from scimsync.plan.protection import protected_by
from scimsync.scim.attributes import member_ids
from scimsync.targets.matching import MatchResult


@dataclass(frozen=True, slots=True)
class Found:
    """The accounts or groups that match one user or group by the attribute `by`.

    `members` are the ids of the members of the first group.
    """

    by: str
    accounts: tuple[ExistingAccount, ...]
    members: tuple[RemoteId, ...] = ()


class FoundResources:
    """What was found at each target, in files. `policies` has the settings of each target."""

    def __init__(self, policies: Mapping[str, Policy]) -> None:
        self._policies = policies
        self._found: dict[tuple[str, Kind], DiskMap[Found]] = {}

    def note(self, target: str, kind: Kind, matches: Mapping[Key, MatchResult]) -> None:
        """Keep the results of a search."""
        found = self.at(target, kind)
        for key, match in matches.items():
            found[key] = found_of(match, self._policies[target], kind)

    def at(self, target: str, kind: Kind) -> DiskMap[Found]:
        """Return the findings at a target, by key."""
        return self._found.setdefault((target, kind), DiskMap())


def found_of(match: MatchResult, policy: Policy, kind: Kind) -> Found:
    """Return a match as the report shows it."""
    accounts = [
        existing_account(resource, protected_by(policy, kind, resource))
        for resource in match.resources
    ]
    if kind is Kind.USER:
        accounts.sort(key=ExistingAccount.order)
    shows_members = kind is Kind.GROUP and match.resources
    members = member_ids(match.resources[0]) if shows_members else ()
    return Found(match.by, tuple(accounts), tuple(map(RemoteId, members)))
