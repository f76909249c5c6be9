"""A directory that fails, or shows less than before, never looks like users who left."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from scimsync.errors import ScimsyncError, SourceFormatError, SourceUnavailable
from scimsync.sources import SourceSpec
from scimsync.sources.ldap.ldap_connection import connected
from tests.directory_sources import HEAD, OFFICE, PEOPLE, directory_spec, look
from tests.servers.ldap_responder import (
    RANGE,
    Answer,
    LdapResponder,
    Search,
    running_responder,
)
from tests.servers.slapd import ADMIN, PASSWORD, SUFFIX, Slapd, new_slapd

BASE = "DC=example,DC=com"
STAFF = [f"CN=u{number},{BASE}" for number in range(4)]


def user(number: int, **more: Sequence[str]) -> dict[str, Sequence[bytes | str]]:
    return {"objectClass": ["user"], "uid": [f"u{number}"], **more}


def group(*members: str) -> dict[str, Sequence[bytes | str]]:
    return {"objectClass": ["group"], "cn": ["g"], "member": members}


@pytest.fixture
def responder() -> Iterator[LdapResponder]:
    """A server with four people."""
    people = {name: user(number) for number, name in enumerate(STAFF)}
    with running_responder({BASE: {"objectClass": ["domain"]}, **people}) as server:
        yield server


def spec(server: LdapResponder, **options: Any) -> SourceSpec[Any]:
    given = {"url": server.url, "base": BASE, "read_schema": False, "single": ["uid"]}
    return directory_spec("ldap", **{**given, "attributes": ["uid"], **options})


def refusal(spec: SourceSpec[Any]) -> ScimsyncError:
    with pytest.raises(ScimsyncError) as caught:
        look(spec)
    return caught.value


def on_page(number: int, change: Callable[[Answer], Answer]) -> Callable[[Search, Answer], Answer]:
    """Return what changes the answer to the page `number` of two entries."""

    def alter(search: Search, answer: Answer) -> Answer:
        is_it = search.cookie == (b"" if number == 1 else str(2 * number - 2).encode())
        return change(answer) if is_it else answer

    return alter


def test_all_pages_are_read(responder: LdapResponder) -> None:
    assert len(look(spec(responder, page_size=2)).records) == 4
    assert [each.cookie for each in responder.searches if each.cookie is not None] == [b"", b"2"]


def test_a_server_that_knows_no_pages_sends_everything_at_once(responder: LdapResponder) -> None:
    def alter(search: Search, answer: Answer) -> Answer:
        if search.cookie is None:
            return answer
        search.cookie = None
        return responder.answer(search)

    responder.alter = alter

    assert len(look(spec(responder, page_size=2)).records) == 4


@pytest.mark.parametrize(
    ("number", "change", "code", "exit_code", "said"),
    [
        (2, lambda a: Answer(a.entries), "SYNC-0256", 1, "page 2 does not say whether more"),
        (2, lambda a: Answer([], cookie=b"2"), "SYNC-0256", 1, "pages without entries"),
        (1, lambda a: Answer(a.entries, closes=True), "SYNC-0250", 1, "terminated by server"),
        (2, lambda a: Answer(a.entries, closes=True), "SYNC-0250", 1, "terminated by server"),
        (2, lambda a: Answer(a.entries, closes=True, half=True), "SYNC-0250", 1, "terminated"),
        (2, lambda a: Answer(raw=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "SYNC-0250", 1, ""),
        (2, lambda a: Answer(raw=b"\x30\x03\x02\x01\x09"), "SYNC-0250", 1, ""),
        (1, lambda a: Answer(a.entries, code=4), "SYNC-0255", 2, "sizeLimitExceeded"),
        (2, lambda a: Answer(a.entries, code=11), "SYNC-0255", 2, "adminLimitExceeded"),
        (2, lambda a: Answer(a.entries, code=3), "SYNC-0250", 1, "timeLimitExceeded"),
        (
            2,
            lambda a: Answer([], code=51, message="come\nback"),
            "SYNC-0250",
            1,
            "busy (come back)",
        ),
        (2, lambda a: Answer([], code=52), "SYNC-0250", 1, "unavailable"),
        (2, lambda a: Answer([], code=80), "SYNC-0250", 1, "other"),
        (2, lambda a: Answer([], code=50), "SYNC-0251", 2, "insufficientAccessRights"),
        (1, lambda a: Answer([], code=1), "SYNC-0251", 2, "operationsError"),
        (2, lambda a: Answer([], code=53), "SYNC-0252", 2, "unwillingToPerform"),
        (2, lambda a: Answer([], code=32), "SYNC-0252", 2, "noSuchObject"),
        (
            1,
            lambda a: Answer([], code=10, referrals=["ldap://other.example.com/"]),
            "SYNC-0252",
            2,
            f"{BASE} is on another server: ldap://other.example.com/",
        ),
    ],
)
def test_what_cuts_the_entries_short_is_an_error(
    responder: LdapResponder,
    number: int,
    change: Callable[[Answer], Answer],
    code: str,
    exit_code: int,
    said: str,
) -> None:
    responder.alter = on_page(number, change)

    error = refusal(spec(responder, page_size=2))

    assert (error.code, error.exit_code) == (code, exit_code)
    assert said in error.message


def test_parts_of_the_tree_on_other_servers_are_not_read(responder: LdapResponder) -> None:
    """Active Directory names some below the root of each domain."""

    def alter(search: Search, answer: Answer) -> Answer:
        urls = ["ldap://other.example.com/DC=DomainDnsZones,DC=example,DC=com"]
        return replace(answer, elsewhere=urls) if search.scope else answer

    responder.alter = alter

    assert len(look(spec(responder, page_size=2)).records) == 4


def test_a_server_that_takes_the_account_for_an_anonymous_one(responder: LdapResponder) -> None:
    """It would show fewer entries."""
    account: dict[str, Any] = {"bind_dn": "cn=reader", "password": "env:PASSWORD"}
    assert len(look(spec(responder, **account)).records) == 4
    responder.who = ""

    error = refusal(spec(responder, **account))

    assert (error.code, error.exit_code) == ("SYNC-0251", 2)
    assert error.message == (
        f"sync.toml: sources.dir.bind_dn: the LDAP server 127.0.0.1:{responder.port} treats the"
        " account as anonymous"
    )


def test_a_client_that_is_not_installed(
    responder: LdapResponder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ldap3", None)

    error = refusal(spec(responder))

    assert (error.code, error.exit_code) == ("SYNC-0913", 2)
    assert error.hint == "pip install 'scimsync[ldap]'"


def test_the_password_does_not_show(responder: LdapResponder) -> None:
    account = spec(responder, bind_dn="cn=reader", password="env:PASSWORD")
    with connected(account) as server:
        assert PASSWORD not in repr(server)


def test_a_server_that_is_silent(responder: LdapResponder) -> None:
    from threading import Event

    done = Event()

    def alter(search: Search, answer: Answer) -> Answer:
        if search.cookie:
            done.wait(60)
        return answer

    responder.alter = alter
    try:
        error = refusal(spec(responder, page_size=2, timeout="1s"))
    finally:
        done.set()

    assert (error.code, error.exit_code) == ("SYNC-0250", 1)
    assert "timed out" in error.message


def test_a_server_that_is_not_there(responder: LdapResponder) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = refusal(spec(responder, url=f"ldap://127.0.0.1:{port}"))

    assert (error.code, error.exit_code) == ("SYNC-0250", 1)
    assert error.message == (
        f"the LDAP server 127.0.0.1:{port} cannot be read: [Errno 111] Connection refused"
    )


# Active Directory

MANY = 2 * RANGE + 7


@pytest.fixture
def domain() -> Iterator[LdapResponder]:
    """A domain with a group of 3,007 people, and a group that has this group as a member."""
    people = {f"CN=u{number},{BASE}": user(number) for number in range(MANY)}
    groups = {
        f"CN=all,{BASE}": group(*people),
        f"CN=outer,{BASE}": group(f"CN=all,{BASE}", f"CN=outer,{BASE}"),
    }
    with running_responder({BASE: {"objectClass": ["domain"]}, **people, **groups}) as server:
        yield server


@pytest.mark.parametrize("nested", [True, "in-chain"])
def test_members_come_in_ranges_and_from_nested_groups(
    domain: LdapResponder, nested: object
) -> None:
    options = {
        "key": "dn",
        "filter": "(objectClass=group)",
        "attributes": ["member"],
        "references": {"member": "uid"},
        "nested": nested,
        "single": None,
    }

    found = look(spec(domain, **options)).records

    expected = sorted(f"u{number}" for number in range(MANY))
    assert {name: each["member"] for name, each in found.items()} == {
        f"CN=all,{BASE}": expected,
        f"CN=outer,{BASE}": expected,
    }
    used_rule = any("1.2.840.113556.1.4.1941" in each.query for each in domain.searches)
    assert used_rule is (nested == "in-chain")


@pytest.mark.parametrize(
    "change",
    [
        lambda a: Answer([]),
        lambda a: Answer([], code=32),
        lambda a: Answer([(name, {}) for name, _ in a.entries]),
        lambda a: Answer([(name, {"member;range=1499-*": [b"x"]}) for name, _ in a.entries]),
        lambda a: Answer([(name, {"member;range=1500-1499": []}) for name, _ in a.entries]),
    ],
)
def test_a_range_without_the_next_one_is_an_error(
    domain: LdapResponder, change: Callable[[Answer], Answer]
) -> None:
    def alter(search: Search, answer: Answer) -> Answer:
        return change(answer) if search.attributes == ["member;range=1500-*"] else answer

    domain.alter = alter

    error = refusal(spec(domain, key="dn", filter="(cn=g)", attributes=["member"], single=None))

    assert (error.code, error.exit_code) == ("SYNC-0256", 1)
    assert "the values of member end at number" in error.message


def test_a_filter_may_use_the_rule_of_active_directory(domain: LdapResponder) -> None:
    rule = f"(memberOf:1.2.840.113556.1.4.1941:=CN=all,{BASE})"

    assert len(look(spec(domain, filter=rule)).records) == MANY


@pytest.mark.parametrize(
    ("data", "why"),
    [("52e", "the password is wrong"), ("775", "the account is locked"), ("999", "")],
)
def test_the_reason_of_active_directory_is_told(data: str, why: str) -> None:
    from scimsync.sources.ldap.ldap_failures import of_bind

    message = f"80090308: LdapErr: DSID-0C09, comment: AcceptSecurityContext error, data {data}, v1"

    error = of_bind("the server", "sources.dir.bind_dn", 49, "invalidCredentials", message)

    assert isinstance(error, SourceFormatError)
    assert error.message.endswith(why or f"invalidCredentials ({message})")


# OpenLDAP


@pytest.fixture
def slapd() -> Iterator[Slapd]:
    """A server with 600 people that runs."""
    people = "".join(
        f"\ndn: uid=u{n},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: u{n}\ncn: x\nsn: x\n"
        for n in range(600)
    )
    with new_slapd() as server:
        server.load(HEAD + people)
        server.start()
        yield server


def test_the_limit_of_openldap_is_an_error_and_not_500_people(slapd: Slapd) -> None:
    options: dict[str, Any] = {"url": slapd.url, "base": SUFFIX, "page_size": 250}
    options |= {"attributes": ["uid"]}

    error = refusal(directory_spec("ldap", **options))

    assert (error.code, error.exit_code) == ("SYNC-0255", 2)
    assert error.message == (
        f"the LDAP server 127.0.0.1:{slapd.port} sends no more entries: sizeLimitExceeded"
    )
    as_admin = directory_spec("ldap", **options, bind_dn=ADMIN, password="env:PASSWORD")
    assert len(look(as_admin).records) == 600


def test_a_server_that_dies_while_it_is_read(slapd: Slapd) -> None:
    from contextlib import closing

    from scimsync.sources.workspace import Workspace

    options: dict[str, Any] = {"bind_dn": ADMIN, "password": "env:PASSWORD", "page_size": 50}
    options |= {"attributes": ["uid"]}
    dying = directory_spec("ldap", url=slapd.url, base=SUFFIX, **options)
    with Workspace() as workspace, closing(iter(dying.open(workspace).rows())) as rows:  # type: ignore[attr-defined]
        next(rows)
        slapd.stop(signal.SIGKILL)

        with pytest.raises(SourceUnavailable) as caught:
            list(rows)

    assert caught.value.code == "SYNC-0250"


@pytest.mark.parametrize(
    ("access", "code", "said"),
    [
        # the base is hidden
        (["access to * by anonymous none by * read"], "SYNC-0252", "no such entry"),
        # the schema is hidden
        (
            ['access to dn.base="cn=Subschema" by * none', "access to * by * read"],
            "SYNC-0257",
            "does not show its schema",
        ),
    ],
)
def test_what_the_account_must_not_read(access: list[str], code: str, said: str) -> None:
    with new_slapd() as slapd:
        slapd.load(OFFICE)
        slapd.configure(access, readable=False)
        slapd.start()

        error = refusal(directory_spec("ldap", url=slapd.url, base=SUFFIX))

    assert (error.code, error.exit_code) == (code, 2)
    assert said in error.message


def test_a_group_that_must_not_be_read_is_no_group_that_people_left(slapd: Slapd) -> None:
    names = [f"cn={name},{PEOPLE}" for name in ("one", "two")]
    with slapd.admin() as admin:
        for number, name in enumerate(names):
            admin.add(name, "groupOfNames", member=[f"uid=u{number},{PEOPLE}"])
    options: dict[str, Any] = {
        "url": slapd.url, "base": SUFFIX, "filter": "(|(uid=u0)(uid=u1))",
        "attributes": ["uid", "memberOf"], "references": {"memberOf": "cn"},
    }  # fmt: skip
    groups = directory_spec("ldap", **options, single=["uid"])
    assert look(groups).records["u1"]["memberOf"] == ["two"]

    slapd.configure([f'access to dn.base="{names[1]}" by * none', "access to * by * read"])
    slapd.restart()
    error = refusal(groups)

    assert (error.code, error.exit_code) == ("SYNC-0259", 2)
    assert names[1] in error.message
