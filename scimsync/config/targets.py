"""The tables of `[targets]`: a service provider, its groups, and what happens to leavers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from scimsync.config.mapping import UserMapping
from scimsync.model.did_you_mean import did_you_mean
from scimsync.scim.profiles import Profile
from scimsync.scim.profiles.coverage import lies_within
from scimsync.settings import (
    AutoOrFlag,
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
from scimsync.settings.registered import registered_name, registered_table, schema_mark
from scimsync.transport.auth import AuthenticatorSettings

DEFAULT_CONCURRENCY = 8
"""Requests in flight at one target if neither sync.toml nor the profile sets it."""


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

    @property
    def deletes(self) -> bool:
        """Whether accounts of leavers are deleted, now or later."""
        return self.action is LeaveAction.DELETE or self.delete_after is not None

    @model_validator(mode="after")
    def _only_deactivated_accounts_wait(self) -> Self:
        if self.delete_after is not None and self.action is not LeaveAction.DEACTIVATE:
            raise invalid(
                f'delete_after has no effect with action = "{self.action}"',
                hint='it needs action = "deactivate"',
                code="SYNC-0126",
            )
        return self


class Unmanaged(StrEnum):
    """What `reconcile --fix` does with active accounts that no user is linked to."""

    REPORT = "report"
    ADOPT = "adopt"
    DEACTIVATE = "deactivate"


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
    source: Text | None = Field(None, description="The source with the groups as its records")
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
                f"has each and {other}; only one is allowed",
                hint="each: a group for each value; its members are the users who have it",
                code="SYNC-0147",
            )
        if self.each is None and self.source is None and self.members is None:
            raise invalid(
                "needs each, members, or source",
                hint="write members = \"'Admin' in access\"",
                code="SYNC-0147",
            )
        if self.subgroups is not None and self.source is None:
            raise invalid("subgroups needs source", code="SYNC-0147")
        return self


class Actions(Table):
    """`actions` of a target: kinds of action to enable or disable."""

    create: bool = Field(True, description="Create missing accounts")
    update: bool = Field(True, description="Update accounts that differ")
    remove: bool = Field(True, description="Deactivate and delete the accounts of leavers")


def _user_or_extends(schema: dict[str, Any]) -> None:
    schema["required"].remove("user")
    schema["anyOf"] = [{"required": ["user"]}, {"required": ["extends"]}]


class Target(Table):
    """`[targets.NAME]`: a SCIM service provider, or a product with another API."""

    model_config = ConfigDict(json_schema_extra=_user_or_extends)

    type: Annotated[str, registered_name("target_types"), schema_mark("target_types")] = Field(
        "scim",
        description="How requests reach it: over SCIM, or through an adapter for another API",
    )
    url: BaseUrl = Field(
        description="Base URL of its SCIM 2.0 service, without /Users, or of its API",
        examples=["https://app.example.com/scim/v2"],
    )
    profile: Annotated[str, registered_name("profiles"), schema_mark("profiles")] = Field(
        "generic",
        description=(
            "The profile of this service provider: its known properties; that of the adapter if"
            " omitted"
        ),
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
    unmanaged: Annotated[Unmanaged, one_of(Unmanaged)] = Field(
        Unmanaged.REPORT,
        description=(
            "What reconcile --fix does with accounts that no user is linked to: report: nothing;"
            " adopt: link those that match a user in scope; deactivate: active = false"
        ),
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
    bulk: AutoOrFlag | None = Field(
        None,
        description=(
            "Whether operations share requests (/Bulk): true, false, or auto, which is true for 50"
            " operations or more if the target declares support; the profile's value if omitted, or"
            " else auto"
        ),
    )
    actions: Actions = Field(default_factory=Actions, description="Kinds of action to disable")
    timeout: float = Field(
        30.0, gt=0, le=3600, allow_inf_nan=False, description="Seconds to wait for a response"
    )
    extends: Text | None = Field(
        None,
        description=(
            "The [mappings.NAME] from which it takes lines; lines of [targets.NAME.user] replace"
            " them"
        ),
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

    def _check_type(self, profile: Profile) -> None:
        """Refuse a profile or a dialect that does not go with the type."""
        if profile.type != self.type and profile.product:
            is_adapter = profile.type != "scim"
            raise invalid(
                f"{profile.product} {'has no SCIM' if is_adapter else 'is reached over SCIM'}",
                hint=f'write type = "{profile.type}"' if is_adapter else "leave out type",
                below=("profile",),
                code="SYNC-0480",
            )
        if self.type != "scim" and self.dialect is not None:
            raise invalid(
                f'a dialect has no effect with type = "{self.type}"',
                hint="leave it out",
                below=("dialect",),
                code="SYNC-0481",
            )

    @model_validator(mode="after")
    def _apply_profile(self, info: ValidationInfo) -> Target:
        """Take settings that are not given from the profile."""
        registries: Any = info.context
        name = self.profile
        if "profile" not in self.model_fields_set:
            name = registries.target_types[self.type].profile
        profile: Profile = registries.profiles[name]()
        self._check_type(profile)
        if profile.deactivate_means == "delete":
            self._refuse_deactivation(profile)
        match: Sequence[str] = self.match
        if "match" not in self.model_fields_set:
            mapped = {path.casefold() for path in self.user}
            match = tuple(path for path in profile.match if path.casefold() in mapped) or match
        match = [path for path in match if not lies_within(profile.not_supported, path)]
        if name == self.profile and match == list(self.match):
            return self
        return self.model_copy(update={"profile": name, "match": tuple(match) or ("userName",)})

    def _refuse_deactivation(self, profile: Profile) -> None:
        """Refuse settings that deactivate accounts for a while, where that deletes them."""
        why = f"at {profile.product}, deactivating an account deletes it for good at once"
        if self.leave.delete_after is not None:
            raise invalid(
                why,
                hint='leave out delete_after; action = "keep" changes nothing',
                below=("leave", "delete_after"),
                code="SYNC-0149",
            )
        if self.unmanaged is Unmanaged.DEACTIVATE:
            raise invalid(
                why,
                hint='write unmanaged = "report", and delete accounts there',
                below=("unmanaged",),
                code="SYNC-0149",
            )
