"""What a service provider declares about itself (RFC 7643 sections 5 to 7, RFC 9865, RFC 9967).

In all values, None means that the service provider does not say, or that it is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_FRESH_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Assigning:
    """How a service provider assigns roles or entitlements.

    `multiple`: a user may have several. `primary` and `types`: elements may have `primary` and
    `type`. From `RolesAndEntitlements` of draft-ietf-scim-roles-entitlements.
    """

    supported: bool | None = None
    multiple: bool | None = None
    primary: bool | None = None
    types: bool | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The contents of /ServiceProviderConfig.

    Limits are numbers above 0; a declared 0 says nothing. `max_results` is the largest number of
    resources in a response to a filter, `bulk_max_operations` that of operations in a bulk
    request, and `bulk_max_payload` its size in bytes. `index_paging` and `cursor_paging` are the
    ways to page (RFC 9865), of which `default_paging` is `index` or `cursor`. `cursor_timeout_s`
    is in seconds. `async_requests` is `none`, `request` or `long` (RFC 9967).
    `interop_profile`: it conforms to draft-zollner-scim-interop-profile. `authentication` holds
    the types of authentication, such as `oauthbearertoken`.
    """

    patch: bool | None = None
    filter: bool | None = None
    max_results: int | None = None
    bulk: bool | None = None
    bulk_max_operations: int | None = None
    bulk_max_payload: int | None = None
    etag: bool | None = None
    sort: bool | None = None
    change_password: bool | None = None
    index_paging: bool | None = None
    cursor_paging: bool | None = None
    default_paging: str | None = None
    default_page_size: int | None = None
    max_page_size: int | None = None
    cursor_timeout_s: int | None = None
    async_requests: str | None = None
    interop_profile: bool | None = None
    authentication: tuple[str, ...] = ()
    roles: Assigning = Assigning()
    entitlements: Assigning = Assigning()


@dataclass(frozen=True, slots=True)
class DeclaredType:
    """A resource type of /ResourceTypes.

    `endpoint` begins with "/". `extensions` maps the URN of an extension to whether a resource
    must have it.
    """

    name: str
    endpoint: str
    schema: str
    extensions: Mapping[str, bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a schema (RFC 7643 section 7). `type` and `mutability` are in lower case."""

    name: str
    type: str | None = None
    multi_valued: bool | None = None
    required: bool | None = None
    mutability: str | None = None
    case_exact: bool | None = None
    canonical_values: tuple[str, ...] = ()
    sub_attributes: tuple[Attribute, ...] = ()

    @property
    def is_read_only(self) -> bool:
        return self.mutability == "readonly"


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema of /Schemas. `id` is its URN."""

    id: str
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignable:
    """A role of /Roles or an entitlement of /Entitlements.

    `names` are the values by which a user may hold it. `permitted` is the number of users who may
    hold it, and `used` the number of those who do.
    """

    names: tuple[str, ...]
    supported: bool | None = None
    permitted: int | None = None
    used: int | None = None


@dataclass(frozen=True, slots=True)
class AssignableList:
    """The roles or entitlements that were read. `is_whole`: there are no others."""

    items: tuple[Assignable, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Discovery:
    """All that a service provider declares, and when it was read.

    An empty tuple is a list that was read and holds nothing. `untold` maps the path of an endpoint,
    such as "/Schemas", to the reason why it could not be read.
    """

    capabilities: Capabilities = Capabilities()
    resource_types: tuple[DeclaredType, ...] | None = None
    schemas: tuple[Schema, ...] | None = None
    roles: AssignableList | None = None
    entitlements: AssignableList | None = None
    untold: Mapping[str, str] = field(default_factory=dict)
    read_at: datetime | None = None

    def is_fresh(self, now: datetime) -> bool:
        """Return whether it was read within the last day."""
        return self.read_at is not None and timedelta() <= now - self.read_at < _FRESH_FOR


NOTHING_DISCOVERED = Discovery()


def named(attributes: Sequence[Attribute], name: str) -> Attribute | None:
    """Return the attribute called `name`, in any case, or None if there is none."""
    folded = name.casefold()
    return next((one for one in attributes if one.name.casefold() == folded), None)
