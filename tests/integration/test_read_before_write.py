"""A dialect that has to read before it writes (PUT, whole lists), credentials that are replaced
during a push, and what `check` says of a profile: with a real server."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from scimsync.builtin import BUILTIN
from scimsync.cli.commands.check.check_results import Level
from scimsync.cli.commands.check.mapped_values import TargetValues
from scimsync.cli.commands.check.target_checks import TargetChecks
from scimsync.config import load
from scimsync.model.operations import OperationFilter
from scimsync.plan import Now
from scimsync.run import Options, RunOutcome, plan, push
from scimsync.run.compile import compile_config, compile_target
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.messages import Member, Query, RemoteResource, Requests, ScimRequest
from scimsync.scim.patch import PatchOperation, patch_body
from scimsync.scim.profiles import Profile
from scimsync.scim.resources import build
from scimsync.settings import SecretReference
from scimsync.state import operation_journal, run_rows
from scimsync.state.store import open_state, scratch_store
from scimsync.transport.auth.authenticator import AuthenticatorSettings, Secrets, origin_of
from scimsync.transport.connection_options import ConnectionOptions
from tests.office import MONDAY, Json, Office, counts, fetch, people, person

rfc = DIALECTS["rfc"]
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


class PutDialect:
    """PUT for users, whole lists for members, pages of two: each needs the resource as it is."""

    create = staticmethod(rfc.create)
    delete = staticmethod(rfc.delete)
    read = staticmethod(rfc.read)
    match = staticmethod(rfc.match)

    def needs_current(self, kind: str, paths: Collection[str], /) -> bool:
        return kind == "user" or "members" in paths

    def update(
        self,
        kind: str,
        resource: RemoteResource,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> Requests:
        if kind == "group":
            return rfc.update(kind, resource, before, after)
        return self._put(resource, after)

    def set_active(self, resource: RemoteResource, active: bool) -> Requests:
        return self._put(resource, {"active": active})

    def change_members(
        self, resource: RemoteResource, removed: Sequence[str], added: Sequence[Member]
    ) -> Requests:
        held = [one["value"] for one in (resource.current or {}).get("members", [])]
        kept = [Member(one) for one in held if one not in removed]
        value = [one.to_json() for one in (*kept, *added)]
        body = patch_body([PatchOperation("replace", "members", value)])
        return (ScimRequest("PATCH", f"/Groups/{resource.remote_id}", body),)

    def page(self, start_index: int, count: int) -> Query:
        return rfc.page(start_index, min(count, 2))

    def _put(self, resource: RemoteResource, after: Mapping[str, Any]) -> Requests:
        body = deepcopy(dict(resource.current or {})) | build(after, USER)
        return (ScimRequest("PUT", f"/Users/{resource.remote_id}", body),)


class HalvesSettings(AuthenticatorSettings):
    """`auth = { type = "halves", first = "env:…", second = "env:…" }`"""

    type: Literal["halves"]
    first: SecretReference
    second: SecretReference

    def authenticator(
        self, base_url: str, secret: Secrets, options: ConnectionOptions
    ) -> HalvesAuthenticator:
        return HalvesAuthenticator(base_url, secret("first"), secret("second"))


class HalvesAuthenticator:
    """A token in two halves, of which the server rejects the first attempt to put them together."""

    def __init__(self, base_url: str, first: str, second: str) -> None:
        self.origin = origin_of(base_url)
        self.tokens = [second + first, first + second]

    async def headers(self, url: str) -> Mapping[str, str]:
        assert origin_of(url) == self.origin
        return {"Authorization": f"Bearer {self.tokens[0]}"}

    async def refresh(self, rejected: Mapping[str, str], /) -> bool:
        if rejected == await self.headers("{}://{}:{}".format(*self.origin)):
            self.tokens.reverse()
        return True

    def redact(self, text: str) -> str:
        return text


KINDS = replace(
    BUILTIN,
    dialects=BUILTIN.dialects.with_("put", PutDialect()),
    authenticators=BUILTIN.authenticators.with_("halves", HalvesSettings),
    profiles=BUILTIN.profiles.with_(
        "picky", lambda: Profile("picky", dialect="put", auth=("halves",))
    ),
)


@pytest.fixture
def added(tmp_path: Path, real_server: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Office:
    """A company with a real server, and a sync.toml that names the added kinds."""
    url, token = real_server
    company = Office(tmp_path, f"{url}/{secrets.token_hex(8)}/v2", token)
    half = len(token) // 2
    monkeypatch.setenv("FIRST", token[:half])
    monkeypatch.setenv("SECOND", token[half:])
    company.write(
        "sync.toml",
        f"""
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"

[guard]
max_updates = "100%"
min_records = "0%"

[targets.wiki]
url = "{company.url}"
profile = "picky"
auth = {{ type = "halves", first = "env:FIRST", second = "env:SECOND" }}

[targets.wiki.user]
externalId = "id"
userName = "email | lower"
displayName = "given"
active = true

[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
""",
    )
    return company


def pushed(office: Office) -> tuple[RunOutcome, list[Json]]:
    """Push, and return also the requests in the journal of that run."""
    config = load(office.folder / "sync.toml", KINDS)
    now = Now(office.now, office.now.date())
    with closing(open_state(config.state_url, config.base_dir, create=True)) as store:
        compiled = compile_config(config)
        outcome = push(
            compiled, store, Options(), now, silent, command="push", clock=lambda: office.now
        )
        with store.read() as connection:
            last = run_rows.last(connection, 1)[0].id
            written = list(operation_journal.find(connection, OperationFilter(run=last)))
    return outcome, [request for one in written for request in json.loads(one.request or "[]")]


def silent(name: str, what: str, number: int, total: int | None = None) -> None:
    pass


def users_of(office: Office) -> dict[str, Json]:
    found = fetch(f"{office.url}/Users?count=100", office.token)["Resources"]
    return {one["externalId"]: one for one in found}


def add_nick_name(office: Office, remote_id: str, name: str) -> None:
    operations = patch_body([PatchOperation("add", "nickName", name)])
    request = urllib.request.Request(
        f"{office.url}/Users/{remote_id}",
        json.dumps(operations).encode(),
        {"Authorization": f"Bearer {office.token}", "Content-Type": "application/scim+json"},
        method="PATCH",
    )
    urllib.request.urlopen(request).close()


def test_users_are_changed_by_put_and_keep_what_is_not_managed(added: Office) -> None:
    added.hire(people(3))
    outcome, _ = pushed(added)
    assert (outcome.exit_code, counts(outcome)["create"]) == (0, 4)
    remote_id = users_of(added)["00001"]["id"]
    add_nick_name(added, remote_id, "Ada")

    added.hire([person(1, given="Grace"), *people(3)[1:2]])
    outcome, requests = pushed(added)

    assert (outcome.exit_code, outcome.targets["wiki"].failed) == (0, 0)
    one, three = users_of(added)["00001"], users_of(added)["00003"]
    assert (one["displayName"], one["nickName"]) == ("Grace", "Ada")
    assert (three["active"], three["displayName"]) == (False, "Given3")
    puts = [one for one in requests if one["method"] == "PUT"]
    assert {(one["path"], one["body"].get("nickName")) for one in puts} >= {
        (f"/Users/{remote_id}", "Ada")
    }, "the journal has what was sent"


def test_members_are_written_as_a_whole_list_that_keeps_others(added: Office) -> None:
    added.hire(people(2))
    pushed(added)
    (group,) = fetch(f"{added.url}/Groups", added.token)["Resources"]

    added.hire(people(3))
    outcome, _ = pushed(added)

    assert outcome.exit_code == 0
    members = fetch(f"{added.url}/Groups/{group['id']}", added.token)["members"]
    assert {one["value"] for one in members} == {one["id"] for one in users_of(added).values()}


def test_a_plan_shows_the_shape_of_the_dialect(added: Office) -> None:
    added.hire(people(1))
    pushed(added)
    added.hire([person(1, given="Grace")])
    config = load(added.folder / "sync.toml", KINDS)

    with (
        closing(open_state(config.state_url, config.base_dir, create=False)) as store,
        plan(
            compile_config(config), store, Options(), Now(added.now, added.now.date()), silent
        ) as prepared,
    ):
        requests = [one for _, some in prepared.plan.targets["wiki"].requests() for one in some]

    assert [str(one).split("/")[0] for one in requests] == ["PUT "]


@pytest.mark.parametrize(
    ("auth", "warnings"),
    [
        (("halves",), []),
        ((), []),
        (
            ("bearer", "basic"),
            ["profile picky expects authentication by bearer or basic, not halves"],
        ),
    ],
)
def test_a_check_compares_the_authentication_with_the_profile(
    added: Office, auth: tuple[str, ...], warnings: list[str]
) -> None:
    profiles = KINDS.profiles.with_("picky", lambda: Profile("picky", auth=auth))
    config = load(added.folder / "sync.toml", replace(KINDS, profiles=profiles))

    with closing(scratch_store()) as store:
        now = Now(MONDAY, MONDAY.date())
        checks = TargetChecks(config, store, now, {"wiki": TargetValues()})
        results = checks.check([compile_target(config, "wiki")])["wiki"]

    assert results[0].level is Level.OK
    assert [one.message for one in results if one.code == "SYNC-0954"] == warnings
