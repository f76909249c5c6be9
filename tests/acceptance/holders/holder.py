"""What the acceptance tests know of a kind of source that holds the made-up company."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.sources_company import Company


@dataclass(frozen=True, slots=True)
class Held:
    """A company as a kind of source holds it.

    `people` and `groups` are the tables `[sources.staff]` and `[sources.teams]` of sync.toml
    without their names. The others are the expressions over their columns. `environment` has the
    secrets that the tables refer to.
    """

    people: str
    groups: str
    key: str = "id"
    user_name: str = "email"
    given_name: str = "given_name"
    family_name: str = "family_name"
    title: str = "title"
    department: str = "department"
    manager: str = "manager"
    scope: str = "active"
    group_name: str = "name"
    members: str = "members"
    environment: Mapping[str, str] = field(default_factory=dict)


Holder = Callable[[Company, Path], AbstractContextManager[Held]]
"""Puts a company into a source, whose files are in a folder, for the time of a `with`."""
