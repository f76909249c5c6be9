"""The tables and keys of sync.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationInfo,
    model_validator,
)

from scimsync.config.constants import TableValue
from scimsync.config.mapping import UserMapping
from scimsync.config.notifications import Receiver
from scimsync.config.registries import (
    Registries,
    receiver_table,
    registered_name,
    registered_table,
    schema_mark,
)
from scimsync.config.schedule import Schedule, Timings
from scimsync.config.state_url import StateUrl
from scimsync.errors import ConfigError
from scimsync.model.limits import Limit, Minimum
from scimsync.model.suggestions import did_you_mean
from scimsync.scim.profiles import Profile
from scimsync.scim.profiles.coverage import lies_within
from scimsync.settings import (
    AtLeast,
    AtMost,
    BaseUrl,
    Condition,
    Duration,
    Name,
    Span,
    Table,
    Text,
    TextOrTexts,
    Texts,
    invalid,
    one_of,
)
from scimsync.settings.text_types import toml_type
from scimsync.sources import SourceSettings
from scimsync.tomltext import dotted_key
from scimsync.transport.auth import AuthenticatorSettings

DEFAULT_PORT = 9787
"""The port on which the daemon listens."""

DEFAULT_CONCURRENCY = 8
"""Requests in flight at one target if neither sync.toml nor the profile sets it."""


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
            "Accounts taken over in one run that match neither by externalId nor by userName and"
            " name"
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


# Targets


class LeaveAction(StrEnum):
    """What happens to the account of a user who is no longer in scope."""

    DEACTIVATE = "deactivate"
    DELETE = "delete"
    KEEP = "keep"


class Leave(Table):
    """`leave` of a target: what happens to the accounts of leavers."""

    action: Annotated[LeaveAction, one_of(LeaveAction)] = Field(
        LeaveAction.DEACTIVATE,
        description="deactivate: active = false; delete: DELETE at once; keep: nothing",
    )
    delete_after: Duration | None = Field(
        None, description="How long after its deactivation an account is deleted; never if omitted"
    )

    revoke: Texts = Field(
        (),
        description=(
            'What else to remove from a leaver\'s account: "memberships", and attributes such as'
            ' "roles" and "entitlements"'
        ),
    )

    @model_validator(mode="after")
    def _only_deactivated_accounts_wait(self) -> Self:
        if self.delete_after is not None and self.action is not LeaveAction.DEACTIVATE:
            raise invalid(
                f'delete_after has no meaning with action = "{self.action}"',
                hint='it goes with action = "deactivate"',
                code="SYNC-0126",
            )
        return self


class GroupLeaveAction(StrEnum):
    """What happens to a group that is no longer wanted."""

    DELETE = "delete"
    EMPTY = "empty"
    KEEP = "keep"


class GroupLeave(Table):
    """`leave` of a group: what happens when its value, record or table is gone."""

    action: Annotated[GroupLeaveAction, one_of(GroupLeaveAction)] = Field(
        GroupLeaveAction.DELETE,
        description="delete: DELETE; empty: remove its members; keep: nothing",
    )


def _attributes_beside_options(schema: dict[str, Any]) -> None:
    """Put the attributes of a group into its own table, as in the file, not into `attributes`."""
    schema["additionalProperties"] = schema["properties"].pop("attributes")["additionalProperties"]
    schema["required"] = ["displayName"]


class Group(Table):
    """`[targets.NAME.groups.NAME]`: a group for each value, one by rule, or groups from a source.

    Every other key of the table is an attribute of the group: `attributes` is a mapping like that
    of users.
    """

    model_config = ConfigDict(json_schema_extra=_attributes_beside_options)

    each: Condition | None = Field(
        None,
        description="Expression over a user's record; each value that it gives is a group",
    )
    members: Condition | None = Field(
        None,
        description=(
            "The members: a condition over users, or with source an expression that gives keys of"
            " users"
        ),
    )
    source: Text | None = Field(None, description="The source whose records are the groups")
    subgroups: Condition | None = Field(
        None, description="With source: expression that gives keys of groups that are members"
    )
    match: Texts = Field(
        ("externalId", "displayName"),
        description="Attributes by which an existing group is found",
    )
    adopt: bool = Field(
        False,
        description=(
            "Take over a group that exists already; it is never deleted, and members that are not"
            " of scimsync stay in it"
        ),
    )
    leave: GroupLeave = Field(
        default_factory=GroupLeave, description="What happens to a group that is no longer wanted"
    )
    attributes: UserMapping = Field(
        description=(
            "Attribute path -> expression; over value with each, over its record with source"
        )
    )

    @model_validator(mode="before")
    @classmethod
    def _attributes_beside(cls, value: Any) -> Any:
        """Collect all keys that are not options as attributes."""
        if not isinstance(value, dict) or "attributes" in value:
            return value
        options = [name for name in cls.model_fields if name != "attributes"]
        attributes = {key: entry for key, entry in value.items() if key not in options}
        for key in attributes:
            hint = did_you_mean(key, options)
            if hint is not None and key not in ("externalId", "displayName"):
                raise invalid("unknown key", hint=hint, below=(key,), code="SYNC-0106")
        if not attributes:
            raise invalid(
                "displayName is missing",
                hint='write displayName = "value", or { value = "Administrators" }',
                code="SYNC-0107",
            )
        return {key: entry for key, entry in value.items() if key in options} | {
            "attributes": attributes
        }

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.each is not None and (self.members is not None or self.source is not None):
            other = "members" if self.members is not None else "source"
            raise invalid(
                f"has each and {other}; one is needed",
                hint="each: a group for each value; its members are who has it",
                code="SYNC-0147",
            )
        if self.each is None and self.source is None and self.members is None:
            raise invalid(
                "has neither each, members nor source",
                hint="write members = \"'Admin' in access\"",
                code="SYNC-0147",
            )
        if self.subgroups is not None and self.source is None:
            raise invalid("subgroups goes with source", code="SYNC-0147")
        return self


class Actions(Table):
    """`actions` of a target: kinds of action to enable or disable."""

    create: bool = Field(True, description="Create missing accounts")
    update: bool = Field(True, description="Update accounts that differ")
    remove: bool = Field(True, description="Deactivate and delete the accounts of leavers")


class Target(Table):
    """`[targets.NAME]`: a SCIM service provider."""

    url: BaseUrl = Field(
        description="Base URL of its SCIM 2.0 service, without /Users",
        examples=["https://app.example.com/scim/v2"],
    )
    profile: Annotated[str, registered_name("profiles"), schema_mark("profiles")] = Field(
        "generic", description="The profile of this service provider: its known properties"
    )
    dialect: Annotated[str, registered_name("dialects"), schema_mark("dialects")] | None = Field(
        None,
        description="How requests are shaped; the profile's dialect if omitted",
    )
    auth: Annotated[
        AuthenticatorSettings,
        registered_table("authenticators", show=False),
        schema_mark("authenticators"),
    ] = Field(description="How scimsync proves its identity")
    source: TextOrTexts = Field(
        default_factory=tuple,
        description=(
            "The source of its users, or several that form one population; optional if there is"
            " only one"
        ),
    )
    scope: Condition | None = Field(
        None, description="Condition for having an account here; every record if omitted"
    )
    match: Texts = Field(
        ("externalId", "userName"),
        description=("Attributes by which an existing account is found, tried in this order"),
    )
    protect: Texts = Field(
        (),
        description=(
            "SCIM filters; accounts that match one are never adopted, changed, deactivated, or"
            " deleted"
        ),
        examples=[['userName sw "svc-"', 'roles.value eq "admin"']],
    )
    leave: Leave = Field(
        default_factory=Leave, description="What happens to the accounts of leavers"
    )
    rate: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Maximum requests per second"
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        le=256,
        description=(
            "Maximum requests in flight; the profile's value if omitted, or else"
            f" {DEFAULT_CONCURRENCY}"
        ),
    )
    actions: Actions = Field(default_factory=Actions, description="Kinds of action to disable")
    timeout: float = Field(
        30.0, gt=0, le=3600, allow_inf_nan=False, description="Seconds to wait for a response"
    )
    user: UserMapping = Field(
        description=(
            "SCIM attribute path -> expression over the record, constant, or { value }, { expr,"
            " once }, { generate }"
        ),
        json_schema_extra={"minProperties": 1},
    )
    groups: Mapping[Name, Group] = Field(
        default_factory=dict, description="Groups of this target, by names that you choose"
    )

    @model_validator(mode="after")
    def _apply_profile(self, info: ValidationInfo) -> Target:
        """Take over what the profile says of settings that are not given."""
        registries: Any = info.context
        profile: Profile = registries.profiles[self.profile]()
        if profile.deactivate_means == "delete" and self.leave.delete_after is not None:
            raise invalid(
                f"at {profile.product}, deactivating an account deletes it for good at once",
                hint='leave out delete_after; action = "keep" changes nothing',
                below=("leave", "delete_after"),
                code="SYNC-0149",
            )
        match: Sequence[str] = self.match
        if "match" not in self.model_fields_set:
            match = tuple(path for path in profile.match if path in self.user) or match
        match = [path for path in match if not lies_within(profile.not_supported, path)]
        if match == list(self.match):
            return self
        return self.model_copy(update={"match": tuple(match) or ("userName",)})


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
            "Names, beside localhost and IP addresses, under which clients may ask (Host header)"
        ),
        examples=[["scimsync.example.com"]],
    )


class Notify(Table):
    """`[notify]`: which alerts are sent, and to which receivers."""

    failures: AtMost = Field(
        Limit(Decimal(5)),
        description=(
            "Alert if more users than this fail at a target: a number, or a share of its accounts"
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
    """sync.toml: sources, rules, and the targets whose accounts are kept up to date."""

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
    tables: Mapping[Name, Mapping[str, TableValue]] = Field(
        default_factory=dict, description="Tables for the filter lookup"
    )
    targets: Annotated[Mapping[Name, Target], _named("targets")] = Field(
        description="The applications to provision", json_schema_extra={"minProperties": 1}
    )
    schedule: Schedule = Field(default_factory=Schedule, description="When the daemon pushes")
    health: Health = Field(
        default_factory=Health, description="Where the daemon serves health and metrics"
    )
    notify: Notify = Field(default_factory=Notify, description="Alerts and their receivers")


class Config(SyncToml):
    """sync.toml as loaded: every target names its sources, and the path of the file is known."""

    path: Path
    """The absolute path of sync.toml."""

    registries: InstanceOf[Registries] = Field(exclude=True)
    """The implementations that the names in sync.toml refer to."""

    @property
    def base_dir(self) -> Path:
        """The folder of sync.toml; all relative paths in it start here."""
        return self.path.parent

    @property
    def state_url(self) -> str:
        """The URL of the state database, with an absolute path."""
        return self.state.url if self._state_file is None else f"sqlite:///{self._state_file}"

    @property
    def state_dir(self) -> Path:
        """The folder of the state database and of the index files of sources.

        It is the folder of sync.toml if the database is on a server.
        """
        return self.base_dir if self._state_file is None else self._state_file.parent

    @property
    def _state_file(self) -> Path | None:
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

        `where("targets", "wiki", "url")` is `sync.toml: targets.wiki.url`.
        """
        return f"{self.path.name}: {dotted_key(parts)}"
