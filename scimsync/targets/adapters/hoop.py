"""Hoop.dev: users and groups over the REST API of its open-source gateway.

Read in github.com/hoophq/hoop at commit e939597dc425d78dbd146d98fad21b7171ccaaf5 (2026-08-21); not
tried at a running gateway:

- routes and who may use them: gateway/api/server.go, gateway/api/apiroutes/auth.go and roles.go
- payloads: `User`, `UserGroup` and `HTTPError` in gateway/api/openapi/types.go
- what the routes do: gateway/api/user/user.go, gateway/models/users.go and user_groups.go
- what signing in changes: gateway/api/login/oidc/login.go and gateway/api/login/saml/login.go

What follows from them:

- The `id` of a user is the subject at the identity provider. It is the e-mail address until the
  first sign-in, and the response to a creation shows yet another id. The e-mail address never
  changes, and all routes but DELETE take it. So it is the `id` of the SCIM resource.
- DELETE looks a user up by e-mail address or subject, but deletes by subject only, and reports
  success in any case. So it gets the subject, and the user is read again.
- PUT replaces name, picture, status, Slack id, and groups. So each change is read, change, write.
  There are no ETags, so changes by others between the two requests are lost.
- A user who never signed in has to be `invited`: with several organizations, signing in activates
  invited users only. `invited` counts as active.
- A group is a name on its members, and a row without a member if it was created as a group. So a
  group that has lost a member is created again, in case that it was the last one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from scimsync.model.ids import fold_name
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import Member
from scimsync.targets.adapters.adapter import (
    Adapter,
    ApiResource,
    Endpoint,
    Listed,
    after_effect,
)
from scimsync.targets.adapters.api_attributes import ApiAttribute, AttributeTable, Json, refused
from scimsync.targets.adapters.json_api import ApiError, JsonApi, segment

if TYPE_CHECKING:
    from scimsync.transport.http import HttpConnection

PRODUCT: Final = "Hoop.dev"
SLACK_ID: Final = "urn:scimsync:schemas:extension:hoop:1.0:User:slackId"
PICTURE: Final = 'photos[type eq "photo"].value'

_MAX_NAME = 255
_MAX_GROUP_NAME = 180

_FIELDS: Final[Mapping[str, str]] = {
    "userName": "email",
    "displayName": "name",
    PICTURE: "picture",
    SLACK_ID: "slack_id",
    "password": "password",
}


def open_adapter(connection: HttpConnection, rate: float | None = None) -> Adapter:
    """Return a sender of SCIM requests to the gateway at `connection`.

    It sends at most `rate` requests per second.
    """
    api = JsonApi(connection, PRODUCT, _error_in, rate)
    users = HoopUsers(api)
    return Adapter(api, PRODUCT, [users, HoopGroups(api, users)])


def _error_in(_status: int, body: Any) -> ApiError | None:
    message = body.get("message") if isinstance(body, dict) else None
    return ApiError(message) if isinstance(message, str) else None


class HoopUsers(Endpoint):
    """The users of a gateway."""

    kind = "user"
    filters = ("userName",)
    attributes = AttributeTable(
        PRODUCT,
        "user",
        [
            ApiAttribute("userName", required=True, mutability="immutable"),
            ApiAttribute("displayName"),
            ApiAttribute("active", "boolean"),
            ApiAttribute(PICTURE),
            ApiAttribute(SLACK_ID),
            ApiAttribute("password", mutability="immutable"),
            ApiAttribute("externalId", mutability="readOnly"),
        ],
    )

    def __init__(self, api: JsonApi) -> None:
        super().__init__(api)
        self._snapshot: list[Json] = []

    async def page(self, start: int, count: int) -> Listed:
        """Return a part of the one list that the API gives."""
        if start == 1 or not self._snapshot:
            self._snapshot = await self.all()
        chosen = self._snapshot[start - 1 : start - 1 + count]
        total = len(self._snapshot)
        if start - 1 + count >= total:
            self._snapshot = []
        return Listed([_resource(user) for user in chosen], total)

    async def find(self, _attribute: str, value: str) -> Sequence[ApiResource]:
        """Return the users with an e-mail address, in any case."""
        try:
            return [_resource(await self.get(value))]
        except ErrorResponse as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
        return [
            _resource(user)
            for user in await self.all()
            if fold_name(user["email"]) == fold_name(value)
        ]

    async def read(self, remote_id: str) -> ApiResource:
        return _resource(await self.get(remote_id))

    async def create(self, values: Json) -> ApiResource:
        """Create a user, as invited unless it is inactive."""
        active = values.pop("active", True)
        for path in ("userName", "displayName"):
            if len(values.get(path, "")) > _MAX_NAME:
                raise refused("invalidValue", f"{path} is longer than {_MAX_NAME} characters")
        user = {_FIELDS[path]: value for path, value in values.items()}
        user |= {"status": "invited" if active else "inactive", "groups": []}
        user.setdefault("name", "")
        created = _user(await self._api.call("POST", "/users", user))
        if not active and created.get("status") != "inactive":  # as with local authentication
            async with after_effect():
                return await self.update(created["email"], {"active": False})
        return _resource(created)

    async def update(self, remote_id: str, changes: Json) -> ApiResource:
        user = await self.get(remote_id)
        if "active" in changes and changes["active"] is not _is_active(user):
            user["status"] = _activated(user) if changes["active"] else "inactive"
        for path, value in changes.items():
            if path != "active":
                user[_FIELDS[path]] = value or ""
        return _resource(await self.put(user))

    async def delete(self, remote_id: str) -> None:
        """Delete a user, and make sure of it."""
        user = await self.get(remote_id)
        try:
            await self._api.call("DELETE", f"/users/{segment(user['id'])}")
        except ErrorResponse as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
        try:
            await self.get(remote_id)
        except ErrorResponse as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return
            raise
        raise ErrorResponse(400, detail=f"{PRODUCT} did not delete this user: it still exists")

    async def all(self) -> list[Json]:
        """Return all users."""
        users = await self._api.call("GET", "/users", is_expected=_is_list)
        return [_user(user) for user in users or []]

    async def get(self, email: str) -> Json:
        """Return the user with an e-mail address, in exactly this spelling."""
        user = _user(await self._api.call("GET", f"/users/{segment(email)}"))
        if user["email"] != email:  # found by another user's subject
            raise ErrorResponse(404, detail=f"no user has the e-mail address {email}")
        return user

    async def put(self, user: Json) -> Json:
        """Write a user as a whole."""
        fields = ("name", "email", "status", "slack_id", "picture", "groups")
        body = {field: user.get(field) for field in fields if user.get(field) is not None}
        return _user(await self._api.call("PUT", f"/users/{segment(user['email'])}", body))


class HoopGroups(Endpoint):
    """The groups of a gateway: names, which users have."""

    kind = "group"
    filters = ("displayName",)
    attributes = AttributeTable(
        PRODUCT,
        "group",
        [
            ApiAttribute("displayName", required=True, mutability="immutable"),
            ApiAttribute("externalId", mutability="readOnly"),
        ],
    )

    def __init__(self, api: JsonApi, users: HoopUsers) -> None:
        super().__init__(api)
        self._users = users
        self._snapshot: list[str] = []

    async def page(self, start: int, count: int) -> Listed:
        if start == 1 or not self._snapshot:
            self._snapshot = sorted(await self._names())
        chosen = self._snapshot[start - 1 : start - 1 + count]
        total = len(self._snapshot)
        if start - 1 + count >= total:
            self._snapshot = []
        return Listed([_group(name) for name in chosen], total)

    async def find(self, _attribute: str, value: str) -> Sequence[ApiResource]:
        names = await self._names()
        return [_group(name) for name in names if fold_name(name) == fold_name(value)]

    async def read(self, remote_id: str) -> ApiResource:
        await self._check_exists(remote_id)
        return _group(remote_id)

    async def with_members(self, resources: Sequence[ApiResource]) -> Sequence[ApiResource]:
        """Return groups with their members, from the list of all users."""
        users = await self._users.all() if resources else []
        return [
            replace(
                group,
                members=[
                    Member(user["email"], "User")
                    for user in users
                    if group.remote_id in (user.get("groups") or [])
                ],
            )
            for group in resources
        ]

    async def create(self, values: Json) -> ApiResource:
        name = values["displayName"]
        if len(name) > _MAX_GROUP_NAME or "/" in name:
            why = f"the name of a group at {PRODUCT} has at most {_MAX_GROUP_NAME} characters"
            raise refused("invalidValue", f"{why} and no slash")
        await self._api.call("POST", "/users/groups", {"name": name})
        return _group(name)

    async def update(self, _remote_id: str, _changes: Json) -> ApiResource:
        raise refused("mutability", f"{PRODUCT} cannot rename a group")

    async def delete(self, remote_id: str) -> None:
        await self._api.call("DELETE", f"/users/groups/{segment(remote_id)}")

    async def change_members(
        self, remote_id: str, removed: Sequence[str], added: Sequence[Member]
    ) -> None:
        """Write the groups of each user whose membership changes."""
        await self._check_exists(remote_id)
        if any(member.type == "Group" for member in added):
            raise refused("invalidValue", f"at {PRODUCT}, a group cannot be a member of a group")
        for member in added:
            await self._set_member(remote_id, member.value, wanted=True)
        for email in removed:
            try:
                await self._set_member(remote_id, email, wanted=False)
            except ErrorResponse as error:
                if error.kind is not ErrorKind.NOT_FOUND:  # a deleted user is not a member
                    raise
        if removed:
            await self._keep(remote_id)

    async def _set_member(self, name: str, email: str, *, wanted: bool) -> None:
        async with self._users.alone(email):
            try:
                user = await self._users.get(email)
            except ErrorResponse as error:
                if wanted and error.kind is ErrorKind.NOT_FOUND:
                    raise refused("invalidValue", f"{PRODUCT} has no user {email}") from error
                raise
            groups = user.get("groups") or []
            if (name in groups) is not wanted:
                kept = [group for group in groups if group != name]
                await self._users.put(user | {"groups": [*kept, name] if wanted else kept})

    async def _keep(self, name: str) -> None:
        """Create the group again, unless it is there: it may have lost its last member."""
        try:
            await self._api.call("POST", "/users/groups", {"name": name})
        except ErrorResponse as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise

    async def _names(self) -> list[str]:
        names = await self._api.call("GET", "/users/groups", is_expected=_is_list)
        return [str(name) for name in names or []]

    async def _check_exists(self, name: str) -> None:
        if name not in await self._names():
            raise ErrorResponse(404, detail=f"group {name} not found")


def _is_list(value: Any) -> bool:
    """Return whether a value is a list of this API, which writes an empty one as null too."""
    return value is None or isinstance(value, list)


def _group(name: str) -> ApiResource:
    return ApiResource(name, {"displayName": name})


def _user(user: Any) -> Json:
    if not isinstance(user, dict) or not isinstance(user.get("email"), str):
        detail = f"the response is not a user of {PRODUCT}; check url"
        raise ErrorResponse(500, detail=detail)
    return user


def _resource(user: Json) -> ApiResource:
    document = {path: user.get(field) for path, field in _FIELDS.items() if path != "password"} | {
        "active": _is_active(user)
    }
    return ApiResource(user["email"], document)


def _is_active(user: Json) -> bool:
    return user.get("status") != "inactive"


def _activated(user: Json) -> str:
    """Return the status of a reactivated user. One who never signed in is invited again."""
    never_signed_in = user.get("id") == user["email"] and not user.get("verified")
    return "invited" if never_signed_in else "active"
