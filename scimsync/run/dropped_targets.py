"""Targets that the state knows and sync.toml no longer has: nobody cares for their accounts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.config.same_url import normalized_url
from scimsync.formatting import plural
from scimsync.model.ids import Kind
from scimsync.model.links import LinkStatus
from scimsync.state import overview, target_states

HINT = "if it was renamed, give it its old name again; otherwise deactivate the accounts there"


@dataclass(frozen=True, slots=True)
class DroppedTarget:
    """A target that sync.toml no longer has, with the number of its active accounts.

    `same_url` are the targets of sync.toml that have its url now.
    """

    name: str
    accounts: int
    same_url: tuple[str, ...]

    @property
    def text(self) -> str:
        """What is wrong, without the name of the target."""
        accounts = plural(self.accounts, "active account")
        now = f"; {', '.join(self.same_url)} has its url now" if self.same_url else ""
        return f"no longer in sync.toml, and has {accounts} that no push deactivates{now}"


def dropped_targets(connection: Connection, config: Config) -> list[DroppedTarget]:
    """Return the targets with active accounts that sync.toml no longer has, by name."""
    found: list[DroppedTarget] = []
    for known in target_states.other_targets(connection, list(config.targets)):
        counts = overview.count_by_status(connection, known.name)
        accounts = counts.get((Kind.USER, LinkStatus.ACTIVE), 0)
        if not accounts:
            continue
        url = None if known.url is None else normalized_url(known.url)
        same = (name for name, one in config.targets.items() if normalized_url(one.url) == url)
        found.append(DroppedTarget(known.name, accounts, tuple(same)))
    return found
