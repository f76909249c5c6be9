"""The report as values: the rows of each target, and what to decide about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from scimsync.adoption.row_files import GroupRows, UserRows
from scimsync.errors import ScimsyncError
from scimsync.model.records import Problem
from scimsync.plan import Violation


class Topic(StrEnum):
    """What a suggestion is about, in the order in which they are shown."""

    LIST = "list"
    MAPPING = "mapping"
    AMBIGUOUS = "ambiguous"
    CONTESTED = "contested"
    WEAK = "weak"
    DIFFERS = "differs"
    EXTERNAL_ID = "external_id"
    REACTIVATED = "reactivated"
    DUPLICATES = "duplicates"
    LEAVERS = "leavers"
    PROTECT = "protect"
    PROTECTED = "protected"
    GROUPS = "groups"
    UNWANTED_MEMBERS = "unwanted_members"


EXAMPLES = 5
"""The number of users or accounts that a suggestion names."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something that a person should decide before the first push.

    `setting` is a line of sync.toml, or a command, that carries it out. `examples` are some of the
    users or accounts that it is about.
    """

    topic: Topic
    text: str
    setting: str | None = None
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """The list of accounts or groups of a target: its length, and why it proves nothing.

    `number` is None if it could not be read. `problem` is None if it is shown to be whole.
    """

    number: int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class TargetReport:
    """The report about one target. `error` is why it has no rows.

    `out_of_scope` is the number of records that should have no account and have none.
    """

    name: str
    url: str
    accounts: Listing = field(default_factory=Listing)
    groups: Listing = field(default_factory=Listing)
    users: UserRows = field(default_factory=UserRows)
    group_rows: GroupRows = field(default_factory=GroupRows)
    out_of_scope: int = 0
    suggestions: Sequence[Suggestion] = ()
    error: ScimsyncError | None = None


@dataclass(frozen=True, slots=True)
class AdoptionReport:
    """The report about all targets.

    `problems` are rows of sources that could not be read, and `violations` the guards that would
    stop a push.
    """

    targets: Sequence[TargetReport]
    problems: Sequence[Problem] = ()
    violations: Sequence[Violation] = ()
