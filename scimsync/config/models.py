"""The tables and keys of sync.toml."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
)

from scimsync.config.audit import Audit
from scimsync.config.lookup_settings import LookupTable
from scimsync.config.notifications import Receiver
from scimsync.config.registries import Registries
from scimsync.config.schedule import Schedule, Timings
from scimsync.config.shared_mappings import Places, SharedMapping, place_of
from scimsync.config.state_url import StateUrl
from scimsync.config.targets import Target
from scimsync.errors import ConfigError
from scimsync.model.did_you_mean import did_you_mean
from scimsync.model.limits import Limit, Minimum
from scimsync.settings import (
    AtLeast,
    AtMost,
    Condition,
    Name,
    Span,
    Table,
    Text,
    Texts,
    invalid,
)
from scimsync.settings.registered import receiver_table, registered_table, schema_mark
from scimsync.settings.text_types import toml_type
from scimsync.sources import SourceSettings
from scimsync.tomltext import dotted_key

DEFAULT_PORT = 9787
"""The port on which the daemon listens."""


class State(Table):
    """`[state]`: where links, journal and snapshots are stored."""

    url: StateUrl = Field(
        "sqlite:///scimsync.db",
        description=(
            "SQLite file (relative paths start at the folder of sync.toml) or PostgreSQL database"
        ),
    )


# Guards


def _limit(default: Limit, description: str) -> Any:
    return Field(default, description=description, json_schema_extra={"default": str(default)})


class Guard(Table):
    """`[guard]`: limits that stop a run before anything is sent."""

    max_removals: AtMost = _limit(
        Limit.share(10), "Users deactivated or deleted in one run, and members removed from a group"
    )
    max_updates: AtMost = _limit(Limit.share(50), "Accounts changed in one run")
    max_adoptions: AtMost = Field(
        Limit(Decimal(5)),
        description=(
            "Accounts taken over in one run that match only weakly and may be of other people"
        ),
        json_schema_extra={"default": 5},
    )
    min_records: AtLeast = _limit(
        Minimum.share(80), "Records of a source, compared with its last ingest; fewer stop the run"
    )
    max_emptied: AtMost = _limit(
        Limit.share(20), "Filled cells of a column in use that a source may lose at once"
    )
    max_identity_changes: AtMost = _limit(
        Limit.share(5),
        "Keys that replace others or become other users in one run, and userNames that pass from"
        " one user to another",
    )

    @property
    def limits(self) -> dict[str, Limit]:
        """All limits, by name."""
        return {name: value for name, value in self if isinstance(value, Limit)}


# The daemon


class Health(Table):
    """`[health]`: the address of the daemon's /healthz, /readyz and /metrics."""

    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        DEFAULT_PORT, description="The port; 0 disables the endpoint"
    )
    host: str = Field(
        "127.0.0.1", description="The address to listen on; the default is this machine only"
    )
    hosts: Texts = Field(
        (),
        description=(
            "Names, besides localhost and IP addresses, that clients may use in the Host header"
        ),
        examples=[["scimsync.example.com"]],
    )


class Notify(Table):
    """`[notify]`: which alerts are sent, and to which receivers."""

    failures: AtMost = Field(
        Limit(Decimal(5)),
        description=(
            "Alert if more users than this fail at a target: a number, "
            "or a percentage of its accounts"
        ),
        json_schema_extra={"default": 5},
    )
    stale: Span | None = Field(
        None,
        description="Alert if the files of a source are unchanged for this long; never if omitted",
    )
    summary: Timings | None = Field(
        None, description="When to send a summary of what happened; never if omitted"
    )
    to: Mapping[Name, Annotated[Receiver, receiver_table("channels"), schema_mark("channels")]] = (
        Field(default_factory=dict, description="The receivers, by names that you choose")
    )


class Display(Table):
    """`[display]`: how commands show users."""

    name: Text | None = Field(
        None,
        description=(
            "Expression over a user's record: the name that plan, journal, status, and explain show"
            " beside the key"
        ),
        examples=["given ~ ' ' ~ family"],
    )


# The whole file


def _named(section: str) -> BeforeValidator:
    """Return a validator that a section holds named tables: `[targets.wiki]`, not `[targets]`."""
    form = f"[{section}.NAME]"

    def check(value: object) -> object:
        if not isinstance(value, dict):
            raise invalid(
                f"must be a table, not {toml_type(value)}", hint=f"write {form}", code="SYNC-0110"
            )
        if not value:
            raise invalid(f"there is no {form}", code="SYNC-0107")
        bare = [key for key, entry in value.items() if not isinstance(entry, dict)]
        if bare:
            raise invalid(
                f"{bare[0]} is outside of any {form}",
                hint=f"give it a name: write {form}",
                code="SYNC-0108",
            )
        return value

    return BeforeValidator(check)


class SyncToml(Table):
    """sync.toml: sources, rules, and the targets with accounts to keep up to date."""

    state: State = Field(default_factory=State, description="Where scimsync stores its state")
    sources: Annotated[
        Mapping[
            Name, Annotated[SourceSettings, registered_table("sources"), schema_mark("sources")]
        ],
        _named("sources"),
    ] = Field(
        description="The sources of truth about users", json_schema_extra={"minProperties": 1}
    )
    access: Mapping[Name, Condition] = Field(
        default_factory=dict,
        description="Named rules; in expressions, access lists the names of those that apply",
    )
    guard: Guard = Field(
        default_factory=Guard, description="Limits that stop a run before it does damage"
    )
    tables: Mapping[Name, LookupTable] = Field(
        default_factory=dict,
        description="Tables for the filter lookup: constants, or the columns of a source",
    )
    mappings: Annotated[Mapping[Name, SharedMapping], _named("mappings")] = Field(
        default_factory=dict, description="Mappings that targets share: see extends"
    )
    targets: Annotated[Mapping[Name, Target], _named("targets")] = Field(
        description="The applications to provision", json_schema_extra={"minProperties": 1}
    )
    schedule: Schedule = Field(default_factory=Schedule, description="When the daemon pushes")
    health: Health = Field(
        default_factory=Health, description="Where the daemon serves health and metrics"
    )
    notify: Notify = Field(default_factory=Notify, description="Alerts and their receivers")
    display: Display = Field(default_factory=Display, description="How commands show users")
    audit: Audit = Field(
        default_factory=Audit, description="Audit reports, their signatures, and events"
    )


class Config(SyncToml):
    """sync.toml as loaded: every target names its sources, and the path of the file is known.

    A table that is read is among the sources, under a name that no other source has.
    """

    path: Path
    """The absolute path of sync.toml."""

    table_values: Mapping[str, str] = Field(default_factory=dict, exclude=True)
    """The columns with the values of tables that are read, by the names of their sources."""

    places: Places = Field(exclude=True)
    """Where the lines are that targets take over from shared mappings."""

    digest: str = Field(exclude=True)
    """The SHA-256 of the text of sync.toml, in hexadecimal digits."""

    registries: InstanceOf[Registries] = Field(exclude=True)
    """The implementations that the names in sync.toml refer to."""

    @property
    def base_dir(self) -> Path:
        """The folder of sync.toml; all relative paths in it start here."""
        return self.path.parent

    @property
    def state_url(self) -> str:
        """The URL of the state database, with an absolute path."""
        return self.state.url if self.state_file is None else f"sqlite:///{self.state_file}"

    @property
    def state_dir(self) -> Path:
        """The folder of the state database and of the index files of sources.

        It is the folder of sync.toml if the database is on a server.
        """
        return self.base_dir if self.state_file is None else self.state_file.parent

    @property
    def state_file(self) -> Path | None:
        """The file of the state database, None if it is on a server."""
        file = self.state.url.removeprefix("sqlite:///")
        return None if file == self.state.url else self.base_dir / file

    def unknown_target(self, name: str) -> ConfigError:
        """Return the error for a target that is not in sync.toml."""
        return ConfigError(
            f"{self.path.name}: no target {name!r}",
            details=(f"found: {', '.join(self.targets)}",),
            hint=did_you_mean(name, self.targets),
            code="SYNC-0118",
        )

    def where(self, *parts: str) -> str:
        """Return the name of a value in messages.

        `where("targets", "wiki", "url")` is `sync.toml: targets.wiki.url`. A line of a shared
        mapping is named where it is written.
        """
        return f"{self.path.name}: {dotted_key(place_of(self.places, parts))}"
