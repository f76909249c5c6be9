"""Google Workspace: users, groups, and members over the Directory API of the Admin SDK.

Read at developers.google.com/workspace/admin/directory on 2026-11-29; not tried at a real domain:

- reference/rest/v1/users, groups and members: methods and fields
- v1/guides/search-users and v1/guides/search-groups: queries; a search may be hours behind
- v1/limits: 403 with the reasons userRateLimitExceeded and quotaExceeded is a rate limit

What follows from them:

- Users and groups are looked up by their e-mail address with a read, which sees what was just
  created, and by other values with a search.
- Lists have pages with tokens and no total. The total is counted at the start of a list, so that a
  list that is cut short does not count as whole.
- PATCH replaces a list such as `organizations`. So it is read first, and other elements are kept.
- A new user answers 412 for a moment ("User creation is not complete"). That is not a change by
  others, but a reason to try again.
- A new group or user may be unknown for a moment. If both exist, adding the member is tried again.
- A group needs an e-mail address. It is the `externalId` of the SCIM group, because Google has no
  other place for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from scimsync.model.ids import fold_name
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import Member
from scimsync.targets.adapters.adapter import Adapter, ApiResource, Endpoint, Listed
from scimsync.targets.adapters.api_attributes import ApiAttribute, AttributeTable, Json, refused
from scimsync.targets.adapters.google_lists import TokenPages
from scimsync.targets.adapters.json_api import ApiError, JsonApi, segment

if TYPE_CHECKING:
    from scimsync.transport.http import HttpConnection

PRODUCT: Final = "Google Workspace"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MANAGER: Final = f"{ENTERPRISE}:manager.value"
ORG_UNIT: Final = "urn:scimsync:schemas:extension:google:1.0:User:orgUnitPath"

_USERS_PER_PAGE = 500
_GROUPS_PER_PAGE = 200
_MEMBERS_PER_PAGE = 200

_MAX_IDS = 100_000
"""The number of e-mail addresses for which ids are remembered, for managers."""

_LIMITS = frozenset(
    {"userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"}
)


@dataclass(frozen=True, slots=True)
class _Element:
    """A value in the element of a list: `field` of the element of `name` that `pins` select."""

    name: str
    pins: tuple[tuple[str, object], ...]
    field: str

    def get(self, user: Json) -> Any:
        element = self._element(user.get(self.name))
        return None if element is None else element.get(self.field)

    def set(self, user: Json, value: Any) -> None:
        """Set or remove the value, and keep all else that the list holds."""
        elements = [one for one in user.get(self.name) or [] if isinstance(one, dict)]
        element = self._element(elements)
        if element is None:
            element = dict(self.pins)
            elements.append(element)
        if value is None:
            element.pop(self.field, None)
        else:
            element[self.field] = value
        empty = not element.keys() - dict(self.pins).keys()
        user[self.name] = [one for one in elements if not (empty and one is element)]

    def _element(self, elements: Any) -> Json | None:
        for one in elements or []:
            if isinstance(one, dict) and all(one.get(pin) == value for pin, value in self.pins):
                return one
        return None


def _organization(field: str) -> _Element:
    return _Element("organizations", (("primary", True),), field)


_ELEMENTS: Final[Mapping[str, _Element]] = {
    "externalId": _Element("externalIds", (("type", "organization"),), "value"),
    "title": _organization("title"),
    f"{ENTERPRISE}:department": _organization("department"),
    f"{ENTERPRISE}:costCenter": _organization("costCenter"),
    f"{ENTERPRISE}:organization": _organization("name"),
    'phoneNumbers[type eq "work"].value': _Element("phones", (("type", "work"),), "value"),
    'phoneNumbers[type eq "mobile"].value': _Element("phones", (("type", "mobile"),), "value"),
    MANAGER: _Element("relations", (("type", "manager"),), "value"),
}
_NAMES: Final[Mapping[str, str]] = {
    "name.givenName": "givenName",
    "name.familyName": "familyName",
    "displayName": "displayName",
}
_FIELDS: Final[Mapping[str, str]] = {
    "userName": "primaryEmail",
    "password": "password",
    ORG_UNIT: "orgUnitPath",
}


def open_adapter(connection: HttpConnection, rate: float | None = None) -> Adapter:
    """Return a sender of SCIM requests to the Directory API at `connection`.

    It sends at most `rate` requests per second.
    """
    api = JsonApi(connection, PRODUCT, _error_in, rate)
    return Adapter(api, PRODUCT, [GoogleUsers(api), GoogleGroups(api)])


def _error_in(status: int, body: Any) -> ApiError | None:
    """Return what an error of a Google API says."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    detail = str(error.get("message") or error.get("status") or "")
    details = error.get("errors")
    reasons = {
        one.get("reason")
        for one in (details if isinstance(details, list) else [])
        if isinstance(one, dict)
    }
    if status == 412 and "creation is not complete" in detail:
        return ApiError(detail, status=503)
    return ApiError(detail, limited=status == 403 and not reasons.isdisjoint(_LIMITS))


class GoogleUsers(Endpoint):
    """The users of a Google Workspace account."""

    kind = "user"
    filters = ("userName", "externalId")
    attributes = AttributeTable(
        PRODUCT,
        "user",
        [
            ApiAttribute("userName", required=True),
            ApiAttribute("name.givenName", required=True),
            ApiAttribute("name.familyName", required=True),
            ApiAttribute("displayName"),
            ApiAttribute("active", "boolean"),
            ApiAttribute("password", required=True, mutability="writeOnly"),
            *map(ApiAttribute, _ELEMENTS),
            ApiAttribute(ORG_UNIT),
        ],
    )

    def __init__(self, api: JsonApi) -> None:
        super().__init__(api)
        self._pages = TokenPages(api, "users", _USERS_PER_PAGE)
        self._ids: dict[str, str] = {}

    async def page(self, start: int, count: int) -> Listed:
        found, total = await self._pages.page(start, count)
        return Listed([self._resource(user) for user in found], total)

    async def find(self, attribute: str, value: str) -> Sequence[ApiResource]:
        if attribute == "userName":
            return [await self._shown(user) for user in await self._by_email(value)]
        users = await self._pages.search("externalId", value)
        held = _ELEMENTS["externalId"]
        return [await self._shown(user) for user in users if held.get(user) == value]

    async def read(self, remote_id: str) -> ApiResource:
        return await self._shown(await self._get(remote_id))

    async def create(self, values: Json) -> ApiResource:
        user: Json = {}
        await self._apply(user, values)
        return self._resource(_user(await self._api.call("POST", "/users", user)))

    async def update(self, remote_id: str, changes: Json) -> ApiResource:
        lists = {_ELEMENTS[path].name for path in changes if path in _ELEMENTS}
        user: Json = {}
        if lists:
            held = await self._get(remote_id)
            user = {name: held.get(name) or [] for name in lists}
        await self._apply(user, changes)
        patched = await self._api.call("PATCH", f"/users/{segment(remote_id)}", user)
        return await self._shown(_user(patched))

    async def delete(self, remote_id: str) -> None:
        await self._api.call("DELETE", f"/users/{segment(remote_id)}")

    async def _apply(self, user: Json, values: Json) -> None:
        """Write values, by their SCIM paths, to a user of the API."""
        for path, value in values.items():
            if path == "active":
                user["suspended"] = value is False
            elif path in _NAMES:
                user.setdefault("name", {})[_NAMES[path]] = value or ""
            elif path == MANAGER:
                email = None if value is None else await self._email_of(value)
                _ELEMENTS[path].set(user, email)
            elif path in _ELEMENTS:
                _ELEMENTS[path].set(user, value)
            elif value is None:
                raise refused("invalidValue", f"{PRODUCT} cannot remove {path}")
            else:
                user[_FIELDS[path]] = value

    async def _by_email(self, email: str) -> list[Json]:
        """Return the user with a primary e-mail address; an alias is not enough."""
        try:
            found = [await self._get(email)]
        except ErrorResponse as error:
            if error.kind is ErrorKind.FORBIDDEN:  # of another domain, or all are forbidden
                found = await self._pages.search("email", email)
            elif error.kind is ErrorKind.NOT_FOUND:
                return []
            else:
                raise
        return [user for user in found if fold_name(user.get("primaryEmail")) == fold_name(email)]

    async def _email_of(self, remote_id: str) -> str:
        """Return the e-mail address of a manager."""
        try:
            return str((await self._get(remote_id)).get("primaryEmail"))
        except ErrorResponse as error:
            if error.kind is ErrorKind.NOT_FOUND:
                raise refused("invalidValue", f"there is no manager {remote_id}") from error
            raise

    async def _get(self, key: str) -> Json:
        user = _user(await self._api.call("GET", f"/users/{segment(key)}"))
        self._learn(user)
        return user

    def _learn(self, user: Json) -> None:
        if "primaryEmail" in user and "id" in user:
            self._ids[str(user["primaryEmail"]).lower()] = str(user["id"])
        if len(self._ids) > _MAX_IDS:
            del self._ids[next(iter(self._ids))]

    async def _shown(self, user: Json) -> ApiResource:
        """Return a user with the id of the manager, which Google stores as an e-mail address."""
        email = _ELEMENTS[MANAGER].get(user)
        if isinstance(email, str) and email.lower() not in self._ids:
            await self._by_email(email)
        return self._resource(user)

    def _resource(self, user: Json) -> ApiResource:
        self._learn(user)
        name = user.get("name") or {}
        document = {path: name.get(field) for path, field in _NAMES.items()}
        document |= {path: element.get(user) for path, element in _ELEMENTS.items()}
        document |= {
            "userName": user.get("primaryEmail"),
            "active": user.get("suspended") is not True,
            ORG_UNIT: user.get("orgUnitPath"),
            MANAGER: self._ids.get(str(document[MANAGER]).lower()),
        }
        return ApiResource(_id(user), document)


class GoogleGroups(Endpoint):
    """The groups of a Google Workspace account."""

    kind = "group"
    filters = ("externalId", "displayName")
    attributes = AttributeTable(
        PRODUCT,
        "group",
        [ApiAttribute("externalId", required=True), ApiAttribute("displayName", required=True)],
    )

    def __init__(self, api: JsonApi) -> None:
        super().__init__(api)
        self._pages = TokenPages(api, "groups", _GROUPS_PER_PAGE)

    async def page(self, start: int, count: int) -> Listed:
        found, total = await self._pages.page(start, count)
        return Listed([_group(group) for group in found], total)

    async def find(self, attribute: str, value: str) -> Sequence[ApiResource]:
        if attribute == "externalId":
            found = await self._by_email(value)
        else:
            found = await self._pages.search("name", value)
        return [_group(group) for group in found]

    async def with_members(self, resources: Sequence[ApiResource]) -> Sequence[ApiResource]:
        """Return groups with their members, with a request for each."""
        return [replace(group, members=await self._members(group.remote_id)) for group in resources]

    async def read(self, remote_id: str) -> ApiResource:
        group = await self._api.call("GET", f"/groups/{segment(remote_id)}")
        return _group(group)

    async def create(self, values: Json) -> ApiResource:
        body = {"email": values["externalId"], "name": values["displayName"]}
        return _group(await self._api.call("POST", "/groups", body))

    async def update(self, remote_id: str, changes: Json) -> ApiResource:
        fields = {"externalId": "email", "displayName": "name"}
        body = {fields[path]: value for path, value in changes.items()}
        patched = await self._api.call("PATCH", f"/groups/{segment(remote_id)}", body)
        return _group(patched)

    async def delete(self, remote_id: str) -> None:
        await self._api.call("DELETE", f"/groups/{segment(remote_id)}")

    async def change_members(
        self, remote_id: str, removed: Sequence[str], added: Sequence[Member]
    ) -> None:
        """Remove and add members, and check that the group exists where a response leaves it open.

        Adding a member twice is a conflict, and removing one twice is not found.
        """
        path = f"/groups/{segment(remote_id)}"
        for member in removed:
            try:
                await self._api.call("DELETE", f"{path}/members/{segment(member)}")
            except ErrorResponse as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
                await self._api.call("GET", path)
        for new in added:
            try:
                body = {"id": new.value, "role": "MEMBER"}
                await self._api.call("POST", f"{path}/members", body)
            except ErrorResponse as error:
                if error.kind is ErrorKind.CONFLICT:
                    continue
                if error.kind is ErrorKind.NOT_FOUND:
                    await self._api.call("GET", path)
                    await self._check_member(new)
                    why = f"{PRODUCT} does not know a new group or user yet: {error.detail}"
                    raise ErrorResponse(503, detail=why) from error
                raise

    async def _check_member(self, member: Member) -> None:
        """Raise ErrorResponse unless the user or group exists that becomes a member."""
        collection = "groups" if member.type == "Group" else "users"
        try:
            await self._api.call("GET", f"/{collection}/{segment(member.value)}")
        except ErrorResponse as error:
            if error.kind is ErrorKind.NOT_FOUND:
                raise refused("invalidValue", f"there is no {member.value}") from error
            raise

    async def _by_email(self, email: str) -> list[Json]:
        try:
            group = _with_id(await self._api.call("GET", f"/groups/{segment(email)}"), "email")
        except ErrorResponse as error:
            if error.kind is ErrorKind.FORBIDDEN:
                return await self._pages.search("email", email)
            if error.kind is ErrorKind.NOT_FOUND:
                return []
            raise
        return [group] if str(group.get("email")).lower() == email.lower() else []

    async def _members(self, remote_id: str) -> list[Member]:
        path = f"/groups/{segment(remote_id)}/members"
        pages = TokenPages(self._api, "members", _MEMBERS_PER_PAGE, path=path, query=())
        return [
            Member(str(one["id"]), "Group" if one.get("type") == "GROUP" else "User")
            async for page in pages.all()
            for one in page
            if one.get("id") and one.get("type") != "CUSTOMER"
        ]


def _group(value: Any) -> ApiResource:
    group = _with_id(value, "email")
    document = {"externalId": group.get("email"), "displayName": group.get("name")}
    return ApiResource(_id(group), document)


def _user(value: Any) -> Json:
    return _with_id(value, "primaryEmail")


def _with_id(value: Any, name: str) -> Json:
    """Return a user or group of the API. Raise ErrorResponse if it has no id, or no `name`."""
    if isinstance(value, dict) and value.get("id") and value.get(name):
        return value
    detail = f"the response is not a user or group of {PRODUCT}; check url"
    raise ErrorResponse(500, detail=detail)


def _id(resource: Json) -> str:
    return str(resource.get("id") or "")
