"""Client certificates, certificates of authorities, and proxies, with real ones on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from tests.office import Office, counts, people
from tests.servers.certificates import Authority
from tests.servers.faulty import FaultyServer
from tests.servers.oauth import CLIENT, SECRET, running_oauth_server
from tests.servers.relays import ForwardProxy, TlsEndpoint

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture
def authority(office: Office) -> Authority:
    """The authority that issued the certificates in the folder of sync.toml."""
    return Authority(office.folder)


@pytest.fixture
def tls(authority: Authority, faulty: FaultyServer) -> Iterator[TlsEndpoint]:
    """The faulty server over https, which requires a client certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
    certificate = authority.issue("server")
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    context.verify_mode = ssl.CERT_REQUIRED
    endpoint = TlsEndpoint(faulty.url, context)
    with endpoint.running():
        yield endpoint


@pytest.fixture
def proxy() -> Iterator[ForwardProxy]:
    made = ForwardProxy()
    with made.running():
        yield made


def connect(office: Office, url: str, options: str, auth: str = "") -> None:
    """Hire one person, for a target at `url` with further `options` of `auth`."""
    office.configure(url=url)
    path = office.folder / "sync.toml"
    auth = auth or 'type = "bearer", token = "env:WIKI_TOKEN"'
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join(
            f"auth = {{ {auth}, {options} }}" if line.startswith("auth = ") else line
            for line in lines
        )
    )
    office.hire(people(1))


def test_a_client_certificate_opens_the_connection(
    office: Office, faulty: FaultyServer, authority: Authority, tls: TlsEndpoint
) -> None:
    authority.issue("client")
    connect(office, tls.url, 'tls = { cert = "client.pem", key = "client.key", ca = "ca.pem" }')

    assert counts(office.push()) == {"create": 1}
    assert len(faulty.users) == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        # a server of asyncio does not say why it ends the connection
        ('tls = { ca = "ca.pem" }', "no complete response from 127.0.0.1"),
        (
            'tls = { cert = "client.pem", key = "client.key" }',
            "cannot connect to 127.0.0.1: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify",
        ),
    ],
)
def test_without_one_of_the_certificates_nothing_is_sent(
    office: Office,
    faulty: FaultyServer,
    authority: Authority,
    tls: TlsEndpoint,
    options: str,
    problem: str,
) -> None:
    authority.issue("client")
    connect(office, tls.url, options)

    outcome = office.push()

    assert outcome.exit_code == 1
    assert problem in str(outcome.targets["wiki"].error)
    assert faulty.seen == []


def test_all_requests_go_through_the_proxy(
    office: Office,
    authority: Authority,
    tls: TlsEndpoint,
    proxy: ForwardProxy,
    faulty: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority.issue("client")
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    with running_oauth_server() as oauth:
        faulty.accepts = oauth.accepts
        connect(
            office,
            tls.url,
            f'proxy = "{proxy.url}",'
            ' tls = { cert = "client.pem", key = "client.key", ca = "ca.pem" }',
            f'type = "oauth2", token_url = "{oauth.url}/token", client_id = "{CLIENT}",'
            ' client_secret = "env:CLIENT_SECRET"',
        )

        assert counts(office.push()) == {"create": 1}

        host = tls.url.removeprefix("https://").partition("/")[0]
        assert set(proxy.lines) == {
            f"POST {oauth.url}/token HTTP/1.1",
            f"CONNECT {host} HTTP/1.1",
        }


def test_a_proxy_that_cannot_be_reached_is_not_passed_by(
    office: Office, faulty: FaultyServer
) -> None:
    connect(office, faulty.url, 'proxy = "http://127.0.0.1:9"')

    outcome = office.push()

    assert outcome.exit_code == 1
    assert faulty.seen == []


def test_proxies_of_the_environment_are_not_used(
    office: Office, faulty: FaultyServer, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.setenv(name, proxy.url)
    connect(office, faulty.url, "token_expires = 2039-01-01")

    assert counts(office.push()) == {"create": 1}
    assert proxy.lines == []
