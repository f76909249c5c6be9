"""Basic authentication, headers and OAuth 2.0, against servers that check the credentials."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.office import Office, counts, people
from tests.servers.faulty import FaultyServer
from tests.servers.oauth import CLIENT, SECRET, OAuthServer, running_oauth_server
from tests.servers.vendors import VENDORS
from tests.servers.vendors.server import PASSWORD, USER, Request, Vendor
from tests.sources_company import company


@pytest.fixture
def oauth(faulty: FaultyServer) -> Iterator[OAuthServer]:
    with running_oauth_server() as server:
        faulty.accepts = server.accepts
        yield server


def authenticate(office: Office, auth: str) -> None:
    """Replace `auth` of the target."""
    path = office.folder / "sync.toml"
    lines = [
        f"auth = {{ {auth} }}" if line.startswith("auth = ") else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")


def oauth_settings(oauth: OAuthServer, more: str = 'client_secret = "env:CLIENT_SECRET"') -> str:
    return f'type = "oauth2", token_url = "{oauth.url}/token", client_id = "{CLIENT}", {more}'


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    monkeypatch.setenv("PASSWORD", "pässword: 7Y")


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (
            'type = "basic", username = "sync", password = "env:PASSWORD"',
            ("authorization", f"Basic {b64encode('sync:pässword: 7Y'.encode()).decode()}"),
        ),
        (
            'type = "basic", username = "env:CLIENT_SECRET", password = "literal:x"',
            ("authorization", f"Basic {b64encode(f'{SECRET}:x'.encode()).decode()}"),
        ),
        (
            'type = "header", name = "X-Api-Key", value = "env:CLIENT_SECRET"',
            ("x-api-key", SECRET),
        ),
        (
            'type = "header", name = "Authorization", value = "env:CLIENT_SECRET"',
            ("authorization", SECRET),
        ),
    ],
)
def test_a_push_sends_the_credentials(
    office: Office, faulty: FaultyServer, auth: str, header: tuple[str, str]
) -> None:
    def accepts(headers: Mapping[str, str]) -> bool:
        return headers.get(header[0]) == header[1]

    faulty.accepts = accepts
    authenticate(office, auth)
    office.hire(people(1))

    assert counts(office.push()) == {"create": 1}


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        ('type = "basic", username = "a:b", password = "env:PASSWORD"', "cannot contain a colon"),
        ('type = "header", name = "X Key", value = "env:PASSWORD"', "not the name of an HTTP"),
        ('type = "header", name = "host", value = "env:CLIENT_SECRET"', "sends the header host"),
        (
            'type = "login", url = "https://x.example.com/", username = "sync",'
            ' password = "env:CLIENT_SECRET"',
            "needs one of token and cookie",
        ),
        (
            f'type = "oauth2", client_id = "{CLIENT}", client_secret = "env:CLIENT_SECRET"',
            "needs one of token_url and issuer",
        ),
        (
            'type = "oauth2", token_url = "https://login.example.com/t", client_id = "x"',
            "needs client_secret, private_key or refresh_token",
        ),
        (
            'type = "oauth2", token_url = "http://login.example.com/t", client_id = "x",'
            ' client_secret = "env:CLIENT_SECRET"',
            "must begin with https://",
        ),
        (
            'type = "oauth2", token_url = "https://login.example.com/t", client_id = "x",'
            ' private_key = "env:CLIENT_SECRET"',
            "private_key is not a private key in PEM",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(office: Office, auth: str, problem: str) -> None:
    authenticate(office, auth)
    office.hire(people(1))

    ran = office.run("push")

    assert ran.code == 2
    assert problem in ran.err
    assert SECRET not in ran.err


@pytest.mark.parametrize(
    ("more", "sent"),
    [
        ('client_secret = "env:CLIENT_SECRET"', {"header": "Basic"}),
        (
            'client_secret = "env:CLIENT_SECRET", client_auth = "post", scope = "scim read",'
            ' audience = "api", resource = "https://x.example.com/", params = { account = "7" }',
            {
                "header": "",
                "client_secret": SECRET,
                "scope": "scim read",
                "audience": "api",
                "resource": "https://x.example.com/",
                "account": "7",
            },
        ),
        ('private_key = "file:key.pem", key_id = "k1"', {"header": ""}),
        ('private_key = "file:key.pem", grant = "jwt_bearer", subject = "admin"', {"header": ""}),
        ('refresh_token = "file:refresh"', {"grant_type": "refresh_token", "client_id": CLIENT}),
    ],
)
def test_each_grant_gets_a_token(
    office: Office, faulty: FaultyServer, oauth: OAuthServer, more: str, sent: dict[str, str]
) -> None:
    office.write("key.pem", oauth.private_key)
    office.write("refresh", "refresh-1\n")
    authenticate(office, oauth_settings(oauth, more))
    office.hire(people(3))

    assert counts(office.push()) == {"create": 3}

    (form,) = oauth.forms
    assert sent.items() <= form.items()


LOGINS = {
    "lldap": 'url = "{url}/auth/simple/login", token = "token"',
    "freeipa": 'url = "{url}/ipa/session/login_password", format = "form", username_field = "user",'
    ' cookie = "ipa_session", headers = { Referer = "{url}/ipa" }',
}


@pytest.fixture(params=LOGINS)
def login(request: pytest.FixtureRequest, faulty: FaultyServer) -> Iterator[tuple[Vendor, str]]:
    """A server with a login whose sessions the target takes, and the settings of `auth`."""
    server = VENDORS[request.param](company(1, 0))

    def accepts(headers: Mapping[str, str]) -> bool:
        lower = {name.lower(): value for name, value in headers.items()}
        return server.authorized(Request("GET", "/", {}, lower))

    faulty.accepts = accepts
    with server.running():
        settings = LOGINS[request.param].replace("{url}", server.url)
        yield server, f'type = "login", username = "{USER}", {settings}'


def test_a_login_begins_a_session_and_another_one_when_it_has_expired(
    office: Office, login: tuple[Vendor, str]
) -> None:
    server, settings = login
    office.write("password", PASSWORD)
    authenticate(office, f'{settings}, password = "file:password"')
    office.hire(people(3))

    assert counts(office.push()) == {"create": 3}
    assert len(server.seen) == 1
    server.expire()
    office.hire(people(4))
    assert counts(office.push()) == {"create": 1}


def test_a_login_with_a_wrong_password_is_not_repeated(
    office: Office, login: tuple[Vendor, str]
) -> None:
    server, settings = login
    authenticate(office, f'{settings}, password = "env:CLIENT_SECRET"')
    office.hire(people(3))

    ran = office.run("push")

    assert ran.code == 1
    assert f"refuses the login of {USER}: 401" in ran.err
    assert SECRET not in ran.err
    assert len(server.seen) == 1


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_the_metadata_of_the_issuer_name_the_token_endpoint(
    office: Office, faulty: FaultyServer, oauth: OAuthServer, name: str
) -> None:
    oauth.metadata_path = f"/.well-known/{name}"
    settings = oauth_settings(oauth).replace(
        f'token_url = "{oauth.url}/token"', f'issuer = "{oauth.url}"'
    )
    authenticate(office, settings)
    office.hire(people(1))

    assert counts(office.push()) == {"create": 1}
    assert [form["path"] for form in oauth.forms] == ["/token"]


@pytest.mark.parametrize("concurrency", [1, 8, 64])
def test_a_token_that_expires_in_mid_push_costs_one_token_request_and_no_person(
    office: Office, faulty: FaultyServer, oauth: OAuthServer, concurrency: int
) -> None:
    office.configure(target=f"concurrency = {concurrency}")
    authenticate(office, oauth_settings(oauth))
    office.hire(people(40))
    withdrawn: list[str] = []

    def accepts(headers: Mapping[str, str]) -> bool:
        if len(faulty.users) == 20 and not withdrawn:
            withdrawn.extend(oauth.valid)
            oauth.valid.clear()
        return oauth.accepts(headers)

    faulty.accepts = accepts

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 40}, 0)
    assert [form["path"] for form in oauth.forms] == ["/token"] * 2


def test_a_replaced_refresh_token_is_kept_for_the_next_run(
    office: Office, faulty: FaultyServer, oauth: OAuthServer
) -> None:
    oauth.rotates = True
    office.write("refresh", "refresh-1\n")
    authenticate(office, oauth_settings(oauth, 'refresh_token = "file:refresh"'))
    office.hire(people(1))
    office.push()

    kept = office.folder / "refresh"
    assert kept.read_text() == f"{oauth.refresh_token}\n" == "refresh-2\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    office.hire(people(2))
    assert counts(office.push()) == {"create": 1}


@pytest.mark.parametrize("reference", ["env:REFRESH", "cmd:cat refresh"])
def test_a_replaced_refresh_token_that_cannot_be_written_is_kept_in_the_state_encrypted(
    office: Office,
    faulty: FaultyServer,
    oauth: OAuthServer,
    monkeypatch: pytest.MonkeyPatch,
    reference: str,
) -> None:
    oauth.rotates = True
    office.write("refresh", "refresh-1\n")
    monkeypatch.setenv("REFRESH", "refresh-1")
    authenticate(office, oauth_settings(oauth, f'refresh_token = "{reference}"'))
    office.hire(people(1))
    assert counts(office.push()) == {"create": 1}
    office.hire(people(2))
    assert counts(office.push()) == {"create": 1}

    assert [form["refresh_token"] for form in oauth.forms] == ["refresh-1", "refresh-2"]
    assert office.sql("SELECT target, option FROM replaced_secret") == [("wiki", "refresh_token")]
    stored = b"".join(file.read_bytes() for file in office.folder.glob("scimsync.db*"))
    assert b"refresh-2" not in stored
    assert b"refresh-3" not in stored


STORING = """#!/bin/sh
if [ "$SCIMSYNC_SECRET" = store ]; then
    {store}
fi
cat refresh
"""


def test_a_command_stores_the_refresh_token_that_the_server_replaced(
    office: Office, faulty: FaultyServer, oauth: OAuthServer
) -> None:
    oauth.rotates = True
    office.write("refresh", "refresh-1\n")
    office.write("vault", STORING.format(store="cat > refresh; exit"))
    (office.folder / "vault").chmod(0o700)
    authenticate(office, oauth_settings(oauth, 'refresh_token = "cmd:./vault"'))
    for number in (1, 2):
        office.hire(people(number))
        assert counts(office.push()) == {"create": 1}

    assert (office.folder / "refresh").read_text() == oauth.refresh_token == "refresh-3"
    assert office.sql("SELECT target FROM replaced_secret") == []


@pytest.mark.parametrize(
    "store",
    [
        "exit 1",
        # claims to have stored it
        "exit 0",
        "echo other > refresh.new; exit 0",
        # has closed its input before it is written
        "exec 0<&-; sleep 0.1; exit 0",
    ],
)
def test_a_refresh_token_that_a_command_does_not_store_is_kept_in_the_state(
    office: Office, faulty: FaultyServer, oauth: OAuthServer, store: str
) -> None:
    oauth.rotates = True
    office.write("refresh", "refresh-1\n")
    office.write("vault", STORING.format(store=store))
    (office.folder / "vault").chmod(0o700)
    authenticate(office, oauth_settings(oauth, 'refresh_token = "cmd:./vault"'))
    for number in (1, 2):
        office.hire(people(number))
        assert counts(office.push()) == {"create": 1}

    assert [form["refresh_token"] for form in oauth.forms] == ["refresh-1", "refresh-2"]
    assert office.sql("SELECT target FROM replaced_secret") == [("wiki",)]


def test_a_new_refresh_token_in_sync_toml_counts_more_than_a_kept_one(
    office: Office, faulty: FaultyServer, oauth: OAuthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    oauth.rotates = True
    monkeypatch.setenv("REFRESH", "refresh-1")
    authenticate(office, oauth_settings(oauth, 'refresh_token = "env:REFRESH"'))
    office.hire(people(1))
    office.push()
    oauth.refresh_token = "refresh-of-the-administrator"
    monkeypatch.setenv("REFRESH", oauth.refresh_token)
    office.hire(people(2))

    assert counts(office.push()) == {"create": 1}


def test_a_refresh_token_that_was_lost_before_it_was_stored_is_named_and_loses_no_change(
    office: Office, faulty: FaultyServer, oauth: OAuthServer
) -> None:
    """As after a crash between the response of the server and the file."""
    oauth.rotates = True
    office.write("refresh", "refresh-1\n")
    authenticate(office, oauth_settings(oauth, 'refresh_token = "file:refresh"'))
    office.hire(people(2))
    office.push()
    office.write("refresh", "refresh-1\n")
    office.hire(people(3))

    refused = office.run("push")

    assert refused.code == 1
    assert (
        "the refresh token was replaced, withdrawn, or has expired: get a new one, and put it"
        " where auth.refresh_token refers to"
    ) in refused.err
    office.write("refresh", f"{oauth.refresh_token}\n")
    assert counts(office.push()) == {"create": 1}


def test_check_warns_of_targets_that_share_a_refresh_token(
    office: Office, faulty: FaultyServer, oauth: OAuthServer
) -> None:
    second = f"""
[targets.chat]
url = "{office.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
[targets.chat.user]
userName = "email"
"""
    office.write("refresh", "refresh-1\n")
    office.configure(more=second)
    authenticate(office, oauth_settings(oauth, 'refresh_token = "file:refresh"'))
    office.hire(people(1))

    assert office.run("check").out.count("its refresh token is also that of") == 2


def test_a_command_between_two_pushes_may_replace_the_refresh_token_of_a_running_one(
    office: Office, faulty: FaultyServer, oauth: OAuthServer
) -> None:
    oauth.rotates = True
    office.write("refresh", "refresh-1\n")
    authenticate(office, oauth_settings(oauth, 'refresh_token = "file:refresh"'))
    office.hire(people(4))
    replaced: list[bool] = []

    def accepts(headers: Mapping[str, str]) -> bool:
        if len(faulty.users) == 2 and not replaced:
            replaced.append(True)
            oauth.refresh_token = "refresh-of-check"  # as `scimsync check` would do it
            office.write("refresh.new", "refresh-of-check\n")
            (office.folder / "refresh.new").replace(office.folder / "refresh")
            oauth.valid.clear()
        return oauth.accepts(headers)

    faulty.accepts = accepts

    assert counts(office.push()) == {"create": 4}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            (401, {"error": "invalid_client", "error_description": f"{SECRET} is wrong"}),
            "wiki: no token: 127.0.0.1 answers 401 invalid_client: *** is wrong",
        ),
        ((503, b"<html>"), "wiki: no token from 127.0.0.1: it answers 503"),
        ((200, b"<html>"), "wiki: no token from 127.0.0.1: there is no access_token in its answer"),
        (
            (200, {"access_token": "t", "token_type": "DPoP"}),
            "wiki: no token: 127.0.0.1 issues tokens of type DPoP, but scimsync sends bearer",
        ),
    ],
)
def test_without_a_token_nothing_is_sent(
    office: Office,
    faulty: FaultyServer,
    oauth: OAuthServer,
    answer: tuple[int, object],
    message: str,
) -> None:
    oauth.fail = answer
    authenticate(office, oauth_settings(oauth))
    office.hire(people(8))

    outcome = office.push()

    assert outcome.exit_code == 1
    assert str(outcome.targets["wiki"].error).startswith(message)
    assert faulty.seen == []


def test_check_says_that_the_authorization_server_refuses(
    office: Office, oauth: OAuthServer
) -> None:
    oauth.fail = (401, {"error": "invalid_client"})
    authenticate(office, oauth_settings(oauth))
    office.hire(people(1))

    out = office.run("check").out

    assert "error    no token: 127.0.0.1 answers 401 invalid_client [SYNC-0402]" in out
    assert "check the URL, client_id, and the secret in auth" in out


def test_no_secret_is_shown(
    office: Office, faulty: FaultyServer, oauth: OAuthServer, tmp_path: Path
) -> None:
    faulty.fail("POST", status=400, body=f"token-1 and {SECRET} are secret".encode(), times=9)
    authenticate(office, oauth_settings(oauth))
    office.hire(people(2))

    ran = office.run("push", "--debug")

    assert ran.code == 4
    assert "*** and *** are secret" in office.run("journal").out
    shown = ran.err + ran.out + office.run("journal", "--json").out
    assert "token-1" not in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    "more",
    [
        'client_secret = "env:CLIENT_SECRET"',
        'client_secret = "env:CLIENT_SECRET", client_auth = "post"',
        'private_key = "file:key.pem"',
        'private_key = "file:key.pem", grant = "jwt_bearer"',
        'refresh_token = "file:refresh"',
    ],
)
def test_a_server_that_repeats_the_request_shows_no_secret(
    office: Office, faulty: FaultyServer, oauth: OAuthServer, more: str
) -> None:
    oauth.repeats = True
    office.write("key.pem", oauth.private_key)
    office.write("refresh", "refresh-1\n")
    authenticate(office, oauth_settings(oauth, more))
    office.hire(people(1))

    ran = office.run("push", "--debug")

    assert ran.code == 1
    assert "no token: 127.0.0.1 answers 400 invalid_request" in ran.err
    assert "***" in ran.err
    form = oauth.forms[0]
    assert len(oauth.forms) == 1
    proofs = [form.get(name) for name in ("assertion", "client_assertion", "refresh_token")]
    for secret in filter(
        None, (*proofs, SECRET, b64encode(f"{CLIENT}:{SECRET}".encode()).decode())
    ):
        assert secret not in ran.err + ran.out + office.run("status").out


def test_no_secret_is_in_the_arguments_of_a_process(
    office: Office, faulty: FaultyServer, oauth: OAuthServer
) -> None:
    oauth.rotates = True
    office.write("refresh", "refresh-1\n")
    authenticate(office, oauth_settings(oauth, 'refresh_token = "cmd:cat refresh"'))
    office.hire(people(1))
    arguments: list[bytes] = []

    def accepts(headers: Mapping[str, str]) -> bool:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                arguments.append(process.read_bytes())
        return oauth.accepts(headers)

    faulty.accepts = accepts

    with office.start("push") as process:
        assert process.wait(60) == 0
    shown = b"\0".join(arguments)
    assert b"scimsync" in shown
    assert not any(secret in shown for secret in (b"refresh-1", b"refresh-2", b"token-1"))


@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("2026-03-03", "the credentials expire in 1 day, on 2026-03-03 [SYNC-0159]"),
        ("2020-01-01", "the credentials expired on 2020-01-01 [SYNC-0159]"),
        ("2039-01-01", ""),
    ],
)
def test_check_says_that_credentials_expire(
    office: Office, faulty: FaultyServer, day: str, message: str
) -> None:
    authenticate(office, f'type = "bearer", token = "env:WIKI_TOKEN", token_expires = {day}')
    office.hire(people(1))

    ran = office.run("check")

    assert message in ran.out
    assert ("expire" in ran.out) == bool(message)


def test_a_private_key_that_cannot_be_read_is_named(office: Office) -> None:
    office.write("client.pem", "no certificate")
    authenticate(office, 'type = "bearer", token = "env:WIKI_TOKEN", tls = { cert = "client.pem" }')
    office.hire(people(1))

    ran = office.run("push")

    assert ran.code == 2
    assert "client.pem does not contain the required PEM data" in ran.err
