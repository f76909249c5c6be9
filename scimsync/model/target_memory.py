"""What the state remembers of a target from one run to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from scimsync.model.ids import Seq


@dataclass(frozen=True, slots=True)
class GroupTable:
    """A `[targets.NAME.groups.NAME]` table.

    `form` is `each`, `rule` or `source`. `leave` says what happens to groups that lost their last
    reason: `delete`, `empty` or `keep`.
    """

    form: str
    leave: str


@dataclass(frozen=True, slots=True)
class UnusableFilter:
    """Why a filter proves nothing, and the day on which that was found (YYYY-MM-DD)."""

    why: str
    found_on: str


@dataclass(frozen=True, slots=True)
class LearnedShape:
    """A choice in the shape of requests, the reason for it, and the day (YYYY-MM-DD)."""

    choice: str
    why: str
    learned_on: str


@dataclass(frozen=True, slots=True)
class TargetState:
    """The known facts about a target between runs.

    Records up to the sequence number `cursor` were planned under the configuration with `digest`.
    `url` is the service that the links belong to.

    `failures` counts the latest runs in a row in which the whole target failed, and `last_error`
    says why. Until `quarantined_until` no request is sent to it. `lowered_rate` (requests per
    second) is the rate observed at `lowered_at`, when the target last answered 429. `ran_at` is
    when a run that read the sources last started, `good_run_at` when such a run last finished
    without an error of the target. `credentials_expire` is the day on which the credentials of the
    last run expire, if that is known. `group_tables` holds, by name, the group tables that the
    target was last planned with, and earlier ones that have been removed from sync.toml since.
    `unusable_filters` are the filters that prove nothing, by kind and attribute, such as `user
    externalId`. `bulk_unusable` is why bulk requests cannot be used, as found at
    `bulk_unusable_at`. `shapes` are the choices in the shape of requests that are known to work
    (see `targets.learned_shapes`). `changes_at` is when an expression that uses the time may next
    give a different value for a user or group. `evaluated_at` is the newest time for which an
    expression that uses the time was evaluated since that was last done for all users: results of
    a clock that was ahead are wrong once it is right.
    """

    name: str
    digest: str | None = None
    cursor: Seq = Seq(0)
    url: str | None = None
    failures: int = 0
    quarantined_until: datetime | None = None
    last_error: str | None = None
    lowered_rate: float | None = None
    lowered_at: datetime | None = None
    ran_at: datetime | None = None
    good_run_at: datetime | None = None
    credentials_expire: date | None = None
    group_tables: Mapping[str, GroupTable] = field(default_factory=dict)
    unusable_filters: Mapping[str, UnusableFilter] = field(default_factory=dict)
    bulk_unusable: str | None = None
    bulk_unusable_at: datetime | None = None
    shapes: Mapping[str, LearnedShape] = field(default_factory=dict)
    changes_at: datetime | None = None
    evaluated_at: datetime | None = None
