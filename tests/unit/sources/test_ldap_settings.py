"""The options of a directory fit together, and say what is wrong if they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scimsync import config
from scimsync.builtin import parse
from scimsync.errors import ConfigError
from scimsync.sources.ldap import LdapSettings
from scimsync.sources.ldap.settings import ServerAddress, parse_url
from scimsync.sources.ldif import LdifSettings
from scimsync.tomltext import toml_key, toml_value

LDAP: dict[str, Any] = {
    "type": "ldap",
    "url": "ldaps://ldap.example.com",
    "base": "dc=example,dc=com",
    "key": "uid",
}
LDIF: dict[str, Any] = {"type": "ldif", "path": "people.ldif", "key": "uid"}
TARGET = """
[targets.wiki]
url = "https://wiki.example.com/scim/v2"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }
[targets.wiki.user]
userName = "uid"
"""
ACCOUNT = {"bind_dn": "cn=reader", "password": "env:LDAP_PASSWORD"}


def configured(options: dict[str, Any]) -> config.Config:
    lines = [f"{toml_key(name)} = {toml_value(value)}" for name, value in options.items()]
    return parse("\n".join(["[sources.dir]", *lines, TARGET]), Path("sync.toml"))


def complaint(options: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        configured(options)
    assert caught.value.exit_code == 2
    return caught.value.message.removeprefix("sync.toml: sources.dir.")


@pytest.mark.parametrize(
    "options",
    [
        {},
        ACCOUNT,
        {"bind_dn": "reader@example.com", "password": "env:LDAP_PASSWORD"},
        {"url": "ldap://127.0.0.1"},
        {"url": "ldap://[::1]:1389", **ACCOUNT},
        {"url": "ldap://ldap.example.com", "starttls": True, "ca": "ca.pem"},
        {"url": "ldapi://%2Frun%2Fslapd%2Fldapi", "sasl": "external"},
        {"url": "ldapi:///run/slapd/ldapi"},
        {"sasl": "external", "cert": "reader.pem", "cert_key": "reader.key"},
        {"attributes": ["uid", "mail"], "single": ["UID", "mail"], "references": {"mail": "cn"}},
        {"attributes": ["*"], "single": ["cn"]},
        {"nested": "in-chain"},
        {"page_size": 0, "timeout": "2m", "scope": "one", "read_schema": False},
    ],
    ids=str,
)
def test_options_that_fit(options: dict[str, Any]) -> None:
    assert configured({**LDAP, **options}).sources["dir"].type == "ldap"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "https://x"}, "url: must begin with ldaps://, ldap://, or ldapi://"),
        ({"url": "ldaps://"}, "url: must name a host"),
        ({"url": "ldapi://"}, "url: must name a socket, as in ldapi://%2Frun%2Fslapd%2Fldapi"),
        (
            {"url": "ldaps://x/dc=example"},
            "url: must end after the host and port; the rest goes into base and filter",
        ),
        (
            {"url": "ldaps://me:secret@x"},
            "url: must not contain a user or a password; these go into bind_dn and password",
        ),
        (
            {"url": "ldap://ldap.example.com", **ACCOUNT},
            "url: ldap:// without TLS is for this machine only (localhost, 127.0.0.1, ::1)",
        ),
        (
            {"url": "ldap://ldap.example.com"},
            "url: ldap:// without TLS is for this machine only (localhost, 127.0.0.1, ::1)",
        ),
        ({"starttls": True}, "starttls: is for ldap:// only"),
        ({"url": "ldap://localhost", "ca": "ca.pem"}, "ca: is for TLS"),
        ({"url": "ldap://localhost", "cert": "me.pem"}, "cert: is for TLS"),
        ({"cert_key": "me.key"}, "cert_key: is for cert, which is missing"),
        ({"sasl": "external"}, "sasl: needs cert, or an ldapi:// URL"),
        (
            {"sasl": "external", "cert": "a.pem", **ACCOUNT},
            "sasl: takes neither bind_dn nor password",
        ),
        ({"bind_dn": "cn=reader"}, "bind_dn: needs password"),
        ({"password": "env:X"}, "password: needs bind_dn"),
        (
            {"bind_dn": "cn=reader", "password": "hunter2"},
            "password: must be a reference to a secret (its value is not shown here)",
        ),
        ({"base": "example.com"}, 'base: "example.com" is not a distinguished name'),
        (
            {"filter": "uid=ann"},
            'filter: "uid=ann" is not an LDAP filter: there is no ( before "uid=ann"',
        ),
        (
            {"attributes": ["uid"], "single": ["mail"]},
            'single: names "mail", which is not in attributes',
        ),
        (
            {"attributes": ["uid"], "references": {"member": "uid"}},
            'references: names "member", which is not in attributes',
        ),
        ({"page_size": -1}, "page_size: must be a number of entries, from 0 (no pages) to 100,000"),
        ({"timeout": "2h"}, "timeout: must be from 1s to 1h"),
        ({"nested": "deep"}, 'nested: must be true, false, or "in-chain", not "deep"'),
    ],
    ids=str,
)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    assert complaint({**LDAP, **options}) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"filter": "(memberOf:1.2.840.113556.1.4.1941:=cn=a)"},
            "filter: the filter cannot be evaluated on a file: the matching rule"
            " 1.2.840.113556.1.4.1941 needs a server",
        ),
        ({"filter": "(uid"}, 'filter: "(uid" is not an LDAP filter: there is no ) after "uid"'),
        (
            {"attributes": ["uid"], "single": ["cn"]},
            'single: names "cn", which is not in attributes',
        ),
    ],
    ids=str,
)
def test_options_of_a_file_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    assert complaint({**LDIF, **options}) == message


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ldaps://ldap.example.com", ServerAddress("ldaps", "ldap.example.com", 636)),
        ("LDAPS://ldap.example.com:3269/", ServerAddress("ldaps", "ldap.example.com", 3269)),
        ("ldap://localhost", ServerAddress("ldap", "localhost", 389)),
        ("ldap://[::1]:1389", ServerAddress("ldap", "::1", 1389)),
        ("ldapi://%2Frun%2Fldapi", ServerAddress("ldapi", "/run/ldapi", 0)),
    ],
)
def test_addresses(url: str, address: ServerAddress) -> None:
    assert parse_url(url) == address


@pytest.mark.parametrize(
    ("location", "options"),
    [
        ("ldaps://x.example.com", {"url": "ldaps://x.example.com"}),
        (
            "ldaps://x.example.com/ou=people,dc=example?uid,mail?one?(uid=*)",
            {
                "url": "ldaps://x.example.com",
                "base": "ou=people,dc=example",
                "attributes": ["uid", "mail"],
                "scope": "one",
                "filter": "(uid=*)",
            },
        ),
        (
            "ldap://x/dc=example%20gmbh??sub",
            {"url": "ldap://x", "base": "dc=example gmbh"},
        ),
        ("people.ldif", None),
        ("https://x.example.com", None),
    ],
)
def test_what_a_url_stands_for(location: str, options: dict[str, object] | None) -> None:
    assert LdapSettings.from_location(location) == options


@pytest.mark.parametrize(
    ("location", "known"), [("people.LDIF", True), ("a/*.ldif.gz", True), ("people.csv", False)]
)
def test_what_a_path_stands_for(location: str, *, known: bool) -> None:
    assert LdifSettings.from_location(location) == ({"path": location} if known else None)
