"""A new kind of source, adapter, authenticator, dialect, profile or channel is a class and a line.

This file has one of each. It adds them to the registries, uses all of them in one sync.toml, and
pushes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from scimsync import config
from scimsync.builtin import BUILTIN
from scimsync.config import Config
from scimsync.config.json_schema import json_schema
from scimsync.daemon.after_push import AfterPush
from scimsync.daemon.channels.channel import Channel, ChannelSettings
from scimsync.daemon.notify import Notification
from scimsync.errors import ConfigError, GuardStop, SourceUnavailable
from scimsync.plan import Now
from scimsync.run import Options, RunOutcome, push
from scimsync.run.compile import compile_config
from scimsync.scim.client import ScimClient
from scimsync.scim.dialects import DIALECTS, rfc
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.scim.profiles import Profile
from scimsync.settings import SecretReference, Text
from scimsync.sources import Source, SourceSettings, SourceSpec
from scimsync.sources.spool import SpooledSource
from scimsync.sources.workspace import Workspace
from scimsync.state.store import open_state
from scimsync.targets.adapters import TargetType
from scimsync.transport.auth import Authenticator, AuthenticatorSettings, Secrets
from scimsync.transport.auth.bearer import BearerAuthenticator
from scimsync.transport.connection_options import ConnectionOptions
from tests.office import MONDAY
from tests.servers.faulty import FaultyServer

ROSTERS: dict[str, list[dict[str, object]]] = {}
"""The service that the new kind of source reads: password -> people."""

NOTED: list[str] = []
"""What the new adapter was asked for."""

SENT: list[str] = []
"""What the new channel has delivered."""


class RosterSettings(SourceSettings):
    """`type = "roster"`."""

    type: Literal["roster"]
    password: SecretReference

    def open(self, spec: SourceSpec[Any], workspace: Workspace) -> Source:
        return Roster(spec, workspace, "the roster")


class Roster(SpooledSource[RosterSettings]):
    """Records that arrive one by one."""

    def rows(self) -> Iterable[Mapping[str, object]]:
        try:
            yield from ROSTERS[self.spec.secret("password")]
        except KeyError:
            raise SourceUnavailable("the roster refuses the password", code="SYNC-0208") from None


class HalvesSettings(AuthenticatorSettings):
    """`auth = { type = "halves", first = "env:…", second = "env:…" }`."""

    type: Literal["halves"]
    first: SecretReference
    second: SecretReference

    def authenticator(
        self, base_url: str, secret: Secrets, options: ConnectionOptions
    ) -> Authenticator:
        return BearerAuthenticator(secret("first") + secret("second"), base_url)


class TitledDialect:
    """RFC 7644, except that new users get a title."""

    needs_current = staticmethod(rfc.needs_current)
    update = staticmethod(rfc.update)
    set_active = staticmethod(rfc.set_active)
    change_members = staticmethod(rfc.change_members)
    delete = staticmethod(rfc.delete)
    read = staticmethod(rfc.read)
    match = staticmethod(rfc.match)
    page = staticmethod(rfc.page)

    @staticmethod
    def create(kind: str, document: Mapping[str, Any]) -> ScimRequest:
        return rfc.create(kind, {**document, "title": "Newcomer"})


class Annals(ScimClient):
    """An adapter that notes what it is asked for."""

    async def send(self, request: ScimRequest) -> ScimResponse:
        NOTED.append(str(request))
        return await super().send(request)


class PagerSettings(ChannelSettings):
    """`[notify.to.NAME]` with `pager = "555"`."""

    pager: Text

    def open(self, secret: Callable[[str], str]) -> Channel:
        return Pager(self.pager)


@dataclass
class Pager:
    """The channel to a pager."""

    number: str

    async def send(self, notification_id: str, notification: Notification, now: datetime) -> None:
        SENT.append(f"{self.number}: {notification.title}")

    async def aclose(self) -> None:
        pass


KINDS = replace(
    BUILTIN,
    sources=BUILTIN.sources.with_("roster", RosterSettings),
    authenticators=BUILTIN.authenticators.with_("halves", HalvesSettings),
    dialects=BUILTIN.dialects.with_("titled", TitledDialect()),
    target_types=BUILTIN.target_types.with_(
        "annals", TargetType("intranet", lambda connection, _rate: Annals(connection))
    ),
    profiles=BUILTIN.profiles.with_(
        "intranet", lambda: Profile("intranet", type="annals", dialect="titled")
    ),
    channels=BUILTIN.channels.with_("pager", PagerSettings),
)
SYNC_TOML = """
[sources.staff]
type = "roster"
password = "env:ROSTER_PASSWORD"
key = "number"

[guard]
min_records = "0%"

[targets.wiki]
type = "annals"
url = "URL"
auth = { type = "halves", first = "env:FIRST", second = "env:SECOND" }

[targets.wiki.user]
externalId = "number"
userName = "mail | lower"
displayName = "names[0]"

[notify]
failures = 0

[notify.to.boss]
pager = "555"
"""


@dataclass
class Company:
    """A folder, a target, and the configuration that uses the new kinds."""

    config: Config

    def push(self) -> RunOutcome:
        after = AfterPush(self.config, [], None, lambda: MONDAY, whole=True, reads=True)
        compiled = compile_config(self.config)
        url, folder = self.config.state_url, self.config.base_dir
        with closing(open_state(url, folder, create=True)) as store:
            outcome = push(
                compiled,
                store,
                Options(),
                Now(MONDAY, MONDAY.date()),
                lambda *_: None,
                command="push",
                clock=lambda: MONDAY,
            )
        after.done(outcome)
        return outcome


@pytest.fixture
def company(tmp_path: Path, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> Company:
    half = len(faulty.token) // 2
    monkeypatch.setenv("FIRST", faulty.token[:half])
    monkeypatch.setenv("SECOND", faulty.token[half:])
    monkeypatch.setenv("ROSTER_PASSWORD", "sesame")
    ROSTERS.clear()
    SENT.clear()
    NOTED.clear()
    text = SYNC_TOML.replace("URL", faulty.url)
    return Company(config.parse(text, tmp_path / "sync.toml", KINDS))


def test_a_push_uses_each_new_kind(company: Company, faulty: FaultyServer) -> None:
    ROSTERS["sesame"] = [
        {"number": 1, "mail": "Ann@example.com", "names": ["Ann", "Abel"]},
        {"number": 2, "mail": "bo@example.com", "names": []},
    ]

    outcome = company.push()

    assert outcome.targets["wiki"].counts == {"create": 1}
    (user,) = faulty.users.values()
    assert (user["externalId"], user["userName"], user["displayName"], user["title"]) == (
        "1",
        "ann@example.com",
        "Ann",
        "Newcomer",
    )
    assert faulty.seen[-1].headers["authorization"] == f"Bearer {faulty.token}"
    assert NOTED[-1] == "POST /Users"
    assert [problem.key for problem in outcome.problems] == ["2"]
    assert SENT == ["555: [scimsync] wiki: too many failures"]


def test_only_what_changed_in_the_new_source_is_sent(
    company: Company, faulty: FaultyServer
) -> None:
    people = [
        {"number": number, "mail": f"p{number}@example.com", "names": [f"Person {number}"]}
        for number in range(1, 6)
    ]
    ROSTERS["sesame"] = people
    company.push()
    assert company.push().targets["wiki"].requests == 0

    ROSTERS["sesame"] = [*people[:2], people[2] | {"names": ["Someone"]}, *people[4:]]
    outcome = company.push()

    assert outcome.targets["wiki"].counts == {"update": 1, "deactivate": 1}
    assert faulty.users["id-3"]["displayName"] == "Someone"
    assert faulty.users["id-4"]["active"] is False


def test_a_new_source_that_fails_or_is_empty_stops_the_push(
    company: Company, faulty: FaultyServer
) -> None:
    with pytest.raises(SourceUnavailable, match="refuses the password"):
        company.push()
    ROSTERS["sesame"] = []
    with pytest.raises(GuardStop, match="the roster is empty"):
        company.push()
    assert faulty.users == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"roster"', '"rostr"', 'did you mean "roster"?'),
        ('"annals"', '"anals"', 'did you mean "annals"?'),
        ('type = "annals"', 'profile = "intanet"', 'did you mean "intranet"?'),
        ('"halves"', '"halfs"', "known: bearer, basic, header, oauth2, login, halves"),
        ('pager = "555"', 'pagr = "555"', 'did you mean "pager"?'),
        ("first = ", "frist = ", 'did you mean "first"?'),
    ],
)
def test_the_words_of_the_new_kinds_are_known(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = SYNC_TOML.replace("URL", "https://wiki.example.com/scim").replace(old, new)
    with pytest.raises(ConfigError) as caught:
        config.parse(text, tmp_path / "sync.toml", KINDS)
    assert message in str(caught.value)


def test_the_json_schema_has_the_new_kinds() -> None:
    schema = json_schema(KINDS)
    assert {"RosterSettings", "FileSettings", "HalvesSettings", "PagerSettings"} <= set(
        schema["$defs"]
    )
    assert schema["properties"]["sources"]["additionalProperties"]["oneOf"] == [
        {"$ref": f"#/$defs/{model.__name__}"} for model in KINDS.sources.values()
    ]
    assert schema["$defs"]["Target"]["properties"]["dialect"]["enum"] == [*DIALECTS, "titled"]
