"""What sync.toml may hold, table by table (DESIGN, Configuration)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from scimsync.config.constants import TableValue
from scimsync.config.mapping import UserMapping
from scimsync.config.notifications import Notify
from scimsync.config.schedule import Schedule
from scimsync.config.state_url import StateUrl
from scimsync.errors import ConfigError
from scimsync.model.limits import Limit, Minimum
from scimsync.model.suggestions import closest, did_you_mean
from scimsync.settings import (
    AtLeast,
    AtMost,
    BaseUrl,
    Condition,
    Duration,
    Name,
    Table,
    Text,
    TextOrTexts,
    Texts,
    invalid,
    one_of,
)
from scimsync.settings.text import quoted, toml_type
from scimsync.tomltext import dotted_key
from scimsync.transport.auth.bearer import BearerSettings

DEFAULT_PORT = 9787
"""The port on which the daemon listens."""

DEFAULT_CONCURRENCY = 8
"""Requests in flight at one target where neither sync.toml nor the profile says otherwise."""


def _one_word(
    known: str, *, later: tuple[str, ...], what: str, repeat: bool = True
) -> Callable[[object], object]:
    """Checks a `type` or `dialect` of which this version knows a single one; without `repeat` an
    odd one is not shown."""

    def check(value: object) -> object:
        if value == known:
            return value
        tail = f"this version knows: {known}"
        if not isinstance(value, str):
            raise invalid(f"must be a text, not {toml_type(value)}; {tail}")
        if value in later:
            raise invalid(f"{what}{quoted(value)} is not supported yet; {tail}")
        raise invalid(
            f"{what}{quoted(value)} is unknown; {tail}"
            if repeat
            else f"this {what}is unknown; {tail}"
        )

    return check


class State(Table):
    """`[state]`: where links, journal and snapshots are kept."""

    url: StateUrl = Field(
        "sqlite:///scimsync.db",
        description=(
            "SQLite file (a relative path starts at the folder of sync.toml) or PostgreSQL database"
        ),
    )


# Sources

_SOURCE_TYPE = _one_word("file", later=("sql", "ldap", "ldif", "scim", "http"), what="type ")


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        raise invalid(
            f"{quoted(name)} is not an encoding", hint='such as "utf-8", "latin-1", "utf-16"'
        ) from None
    return name


def _delimiter(text: str) -> str:
    if len(text) != 1 or text in '"\r\n\0':
        raise invalid("must be one character", hint='such as ";", or "\\t" for a tab')
    return text


def _separator(text: str) -> str:
    if not text or "\n" in text or "\r" in text:
        raise invalid("must be the character between two values", hint='such as ";"')
    return text


class FileSource(Table):
    """`[sources.NAME]`: files that hold one record a row."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["path"]}, {"required": ["query"]}]},
    )

    type: Literal["file"] = Field(description="Kind of source")
    path: Text | None = Field(
        None,
        description=(
            "CSV, TSV, JSON, NDJSON, Parquet or Excel file, relative to the folder of sync.toml; "
            "a pattern such as hr-*.csv is one table"
        ),
    )
    query: Text | None = Field(
        None,
        description=(
            "SQL (DuckDB) over files, instead of path: select * from 'a.csv' join 'b.csv' using"
            " (id)"
        ),
    )
    key: Text = Field(
        description="The column that names a record and never changes, such as a personnel number"
    )
    lists: Mapping[Text, Annotated[str, AfterValidator(_separator)]] = Field(
        default_factory=dict,
        description="Columns that hold several values -> what stands between two of them",
    )
    encoding: Annotated[Text, AfterValidator(_encoding)] | None = Field(
        None, description="Encoding of the file where it is not UTF-8"
    )
    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = Field(
        None, description="Character between two fields; without it, it is found by looking"
    )

    @model_validator(mode="before")
    @classmethod
    def _type_first(cls, value: Any) -> Any:
        """Of a source of another type nothing else can be judged."""
        if isinstance(value, dict) and "type" in value:
            _SOURCE_TYPE(value["type"])
        return value

    @model_validator(mode="after")
    def _path_or_query(self) -> Self:
        if self.path is None and self.query is None:
            raise invalid("path is missing", hint='write path = "hr.csv"')
        if self.path is not None and "\0" in self.path:
            raise invalid("no file has NUL in its name")
        if self.path is not None and self.query is not None:
            raise invalid(
                "has both path and query; one is needed", hint="a query names its files itself"
            )
        return self


# Guards


def _limit(default: Limit, description: str) -> Any:
    return Field(default, description=description, json_schema_extra={"default": str(default)})


class Guard(Table):
    """`[guard]`: limits that stop a run before anything is sent."""

    max_removals: AtMost = _limit(
        Limit.share(10), "Users deactivated or deleted in one run, and members taken out of a group"
    )
    max_updates: AtMost = _limit(Limit.share(50), "Accounts changed in one run")
    min_records: AtLeast = _limit(
        Minimum.share(80), "Records of a source, compared with its last ingest; fewer stop the run"
    )


# Targets

_AUTH_TYPE = _one_word(
    "bearer", later=("basic", "oauth2", "oauth", "header"), what="type ", repeat=False
)


class BearerAuth(BearerSettings):
    """`auth` of a target: a bearer token (RFC 6750)."""

    @model_validator(mode="before")
    @classmethod
    def _type_first(cls, value: Any) -> Any:
        """Of another type nothing else can be judged. What is not a known word may be a token and
        is not repeated."""
        if isinstance(value, dict) and "type" in value:
            _AUTH_TYPE(value["type"])
        return value


class LeaveAction(StrEnum):
    """What happens to the account of somebody who is no longer in scope."""

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
        None, description="How long after its deactivation an account is deleted; without it, never"
    )

    revoke: Texts = Field(
        (),
        description=(
            'What a leaver\'s account loses besides: "memberships", and attributes such as "roles",'
            ' "entitlements"'
        ),
    )

    @model_validator(mode="after")
    def _only_deactivated_accounts_wait(self) -> Self:
        if self.delete_after is not None and self.action is not LeaveAction.DEACTIVATE:
            raise invalid(
                f'delete_after has no meaning with action = "{self.action}"',
                hint='it goes with action = "deactivate"',
            )
        return self


class GroupLeaveAction(StrEnum):
    """What happens to a group that lost its last reason."""

    DELETE = "delete"
    EMPTY = "empty"
    KEEP = "keep"


class GroupLeave(Table):
    """`leave` of a group: what happens when the value, the record or the table that it came from is
    gone."""

    action: Annotated[GroupLeaveAction, one_of(GroupLeaveAction)] = Field(
        GroupLeaveAction.DELETE,
        description="delete: DELETE; empty: its members are taken out; keep: nothing",
    )


def _attributes_beside_options(schema: dict[str, Any]) -> None:
    """In the file the attributes of a group stand in its own table, not in one called
    `attributes`."""
    schema["additionalProperties"] = schema["properties"].pop("attributes")["additionalProperties"]
    schema["required"] = ["displayName"]


class Group(Table):
    """`[targets.NAME.groups.NAME]`: one group for each value, one group by rule, or groups from a
    source of their own.

    Every other key of the table is an attribute of the group: `attributes`, a mapping as that of
    users.
    """

    model_config = ConfigDict(json_schema_extra=_attributes_beside_options)

    each: Condition | None = Field(
        None,
        description="Expression over a user's record that gives a value, or several: a group each",
    )
    members: Condition | None = Field(
        None,
        description=(
            "Who is in it: a condition over users, or with source an expression that gives keys of"
            " users"
        ),
    )
    source: Text | None = Field(None, description="The source whose records are the groups")
    subgroups: Condition | None = Field(
        None, description="With source: expression that gives keys of groups that are members"
    )
    match: Texts = Field(
        ("externalId", "displayName"),
        description="Attributes by which a group that exists already is found",
    )
    leave: GroupLeave = Field(
        default_factory=GroupLeave, description="What happens to a group that lost its last reason"
    )
    attributes: UserMapping = Field(
        description=(
            "Attribute path -> expression; over value with each, over its record with source"
        )
    )

    @model_validator(mode="before")
    @classmethod
    def _attributes_beside(cls, value: Any) -> Any:
        """Keys that are no options are attributes."""
        if not isinstance(value, dict) or "attributes" in value:
            return value
        options = [name for name in cls.model_fields if name != "attributes"]
        attributes = {key: entry for key, entry in value.items() if key not in options}
        for key in attributes:
            meant = closest(key, options)
            if meant is not None and key not in ("externalId", "displayName"):
                raise invalid("unknown key", hint=f'did you mean "{meant}"?', below=(key,))
        if not attributes:
            raise invalid(
                "displayName is missing",
                hint='write displayName = "value", or { value = "Administrators" }',
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
            )
        if self.each is None and self.source is None and self.members is None:
            raise invalid(
                "has neither each, members nor source", hint="write members = \"'Admin' in access\""
            )
        if self.subgroups is not None and self.source is None:
            raise invalid("subgroups goes with source")
        return self


class Actions(Table):
    """`actions` of a target: whole kinds of action, switched on or off."""

    create: bool = Field(True, description="Make accounts that are missing")
    update: bool = Field(True, description="Change accounts that differ")
    remove: bool = Field(True, description="Deactivate and delete the accounts of leavers")


class Target(Table):
    """`[targets.NAME]`: a SCIM service provider."""

    url: BaseUrl = Field(description="Base URL of its SCIM 2.0 service, without /Users")
    profile: Name = Field("generic", description="What is known of this service provider")
    dialect: Annotated[
        Literal["rfc"],
        BeforeValidator(
            _one_word("rfc", later=("entra", "entra-legacy", "okta", "okta-put"), what="")
        ),
    ] = Field("rfc", description="How requests are shaped")
    auth: BearerAuth = Field(description="How scimsync shows who it is")
    source: TextOrTexts = Field(
        default_factory=tuple,
        description=(
            "The source of its users, or several that make one population; may be left out if there"
            " is only one"
        ),
    )
    scope: Condition | None = Field(
        None, description="Who has an account here: an expression; without it, everybody"
    )
    match: Texts = Field(
        ("externalId", "userName"),
        description=(
            "Attributes by which an account that exists already is found, tried in this order"
        ),
    )
    leave: Leave = Field(
        default_factory=Leave, description="What happens to the accounts of leavers"
    )
    rate: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Requests a second, at most"
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        le=256,
        description=(
            f"Requests in flight; without it what the profile says, or {DEFAULT_CONCURRENCY}"
        ),
    )
    actions: Actions = Field(default_factory=Actions, description="Kinds of action to switch off")
    timeout: float = Field(
        30.0, gt=0, le=3600, allow_inf_nan=False, description="Seconds to wait for an answer"
    )
    user: UserMapping = Field(
        description=(
            "SCIM attribute path -> expression over the record, constant, or { value }, { expr,"
            " once }, { generate }"
        ),
        json_schema_extra={"minProperties": 1},
    )
    groups: Mapping[Name, Group] = Field(
        default_factory=dict, description="Groups of this target, by names of your own"
    )


# The daemon


class Health(Table):
    """`[health]`: where the daemon says how it is: /healthz, /readyz, /metrics."""

    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        DEFAULT_PORT, description="The port; 0: none"
    )
    host: str = Field(
        "127.0.0.1", description="The address on which to listen; only this machine by default"
    )


# The whole file


def _named(section: str, table: type[Table]) -> BeforeValidator:
    """Checks that a section holds named tables: `[targets.wiki]`, not `[targets]`."""
    form = f"[{section}.NAME]"

    def check(value: object) -> object:
        if not isinstance(value, dict):
            raise invalid(f"must be a table, not {toml_type(value)}", hint=f"write {form}")
        if not value:
            raise invalid(f"there is no {form}")
        bare = [
            key
            for key, entry in value.items()
            if key in table.model_fields and not isinstance(entry, dict)
        ]
        if bare:
            raise invalid(
                f"{bare[0]} stands outside of any {form}", hint=f"give it a name: write {form}"
            )
        return value

    return BeforeValidator(check)


class SyncToml(Table):
    """sync.toml: where people are read, who gets what, and where accounts are kept right."""

    state: State = Field(default_factory=State, description="Where scimsync keeps what it knows")
    sources: Annotated[Mapping[Name, FileSource], _named("sources", FileSource)] = Field(
        description="Where the truth about people is read", json_schema_extra={"minProperties": 1}
    )
    access: Mapping[Name, Condition] = Field(
        default_factory=dict,
        description="Named rules; in every expression, access holds the names that apply",
    )
    guard: Guard = Field(
        default_factory=Guard, description="Limits that stop a run before it does damage"
    )
    tables: Mapping[Name, Mapping[str, TableValue]] = Field(
        default_factory=dict, description="Tables for the filter lookup"
    )
    targets: Annotated[Mapping[Name, Target], _named("targets", Target)] = Field(
        description="Where accounts are kept right", json_schema_extra={"minProperties": 1}
    )
    schedule: Schedule = Field(
        default_factory=Schedule, description="When the daemon pushes by itself"
    )
    health: Health = Field(default_factory=Health, description="Where the daemon says how it is")
    notify: Notify = Field(
        default_factory=Notify, description="Who is told when something needs a person"
    )


class Config(SyncToml):
    """sync.toml as loaded: every target names its sources, and the place of the file is known."""

    path: Path
    """Absolute path of sync.toml."""

    @property
    def base_dir(self) -> Path:
        """The folder of sync.toml; all relative paths in it start here."""
        return self.path.parent

    @property
    def state_url(self) -> str:
        """URL of the state database with an absolute path."""
        return self.state.url if self._state_file is None else f"sqlite:///{self._state_file}"

    @property
    def state_dir(self) -> Path:
        """The folder of the state database, where the index files of sources stand too; of
        sync.toml where it is on a server."""
        return self.base_dir if self._state_file is None else self._state_file.parent

    @property
    def _state_file(self) -> Path | None:
        file = self.state.url.removeprefix("sqlite:///")
        return None if file == self.state.url else self.base_dir / file

    def unknown_target(self, name: str) -> ConfigError:
        """The error for a target that is not in sync.toml."""
        return ConfigError(
            f"{self.path.name}: no target {name!r}",
            details=(f"found: {', '.join(self.targets)}",),
            hint=did_you_mean(name, self.targets),
        )

    def where(self, *parts: str) -> str:
        """How messages name a value: `where("targets", "wiki", "url")` -> `sync.toml:
        targets.wiki.url`."""
        return f"{self.path.name}: {dotted_key(parts)}"
