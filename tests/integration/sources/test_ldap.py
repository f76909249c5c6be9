"""Entries of an OpenLDAP server become records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scimsync.errors import ScimsyncError, SourceFormatError, SourceUnavailable
from scimsync.sources import SourceSpec
from scimsync.sources.samples import sample_source
from tests.directory_sources import GROUPS, OFFICE, PEOPLE, directory_spec, look
from tests.servers.certificates import Authority
from tests.servers.slapd import ADMIN, SUFFIX, Slapd, new_slapd

ANN, BO = f"uid=ann,{PEOPLE}", f"uid=bo,{PEOPLE}"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ca.pem, and of the certificates of the server and a reader."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder)
    for name in ("server", "reader"):
        authority.issue(name)
    return folder


@pytest.fixture(scope="module")
def server(certificates: Path) -> Iterator[Slapd]:
    """A server with the people and groups of `OFFICE`."""
    with new_slapd(certificates / "server.pem", certificates / "ca.pem") as slapd:
        slapd.load(OFFICE)
        slapd.start()
        yield slapd


def spec(server: Slapd, folder: Path = Path(), **options: Any) -> SourceSpec[Any]:
    given = {"url": server.url, "base": SUFFIX, **options}
    return directory_spec("ldap", folder, **given)


def refusal(spec: SourceSpec[Any]) -> ScimsyncError:
    with pytest.raises(ScimsyncError) as caught:
        look(spec)
    return caught.value


# Values


def test_attributes_become_columns_of_their_types(server: Slapd) -> None:
    found = look(spec(server, single=["manager"]))

    assert found.problems == []
    assert found.records["ann"] == {
        "uid": "ann",
        "dn": ANN,
        "objectClass": ["inetOrgPerson", "exampleAccount"],
        "cn": ["Ann Abel", "Annie Abel"],
        "cn;lang-de": ["Anna Abel"],
        "sn": ["Abel"],
        "mail": ["ann@example.com", "abel@example.com"],
        "employeeNumber": "1",
        "userAccountControl": "514",
        "disabled": True,
        "accountExpires": "2024-01-17T21:20:00Z",
        "objectGUID": "04030201-0605-0807-090a-0b0c0d0e0f10",
        "objectSid": "S-1-5-18",
        "whenCreated": "2024-01-02T03:04:05Z",
        "msExampleBoolean": True,
    }
    assert found.records["bo"]["manager"] == "ann"
    assert found.records["bo"]["mail"] == ["bo@example.com"]  # a list, with one value too
    assert found.records["bo"]["disabled"] is False
    assert "accountExpires" not in found.records["bo"]  # never
    assert found.records["cy"]["manager"] == f"uid=nobody,{PEOPLE}"


def test_only_named_attributes_are_read_operational_ones_too(server: Slapd) -> None:
    names = ["UID", "surname", "MAIL", "entryUUID", "createTimestamp", "jpegPhoto"]

    found = look(spec(server, attributes=names, key="UID", single=["surname"]))

    assert found.columns == ["dn", *names]
    ann = found.records["ann"]
    assert ann.keys() == {"dn", *names}
    assert (ann["surname"], ann["MAIL"]) == ("Abel", ["ann@example.com", "abel@example.com"])
    assert ann["jpegPhoto"] == ["/9j/4A=="]
    assert ann["createTimestamp"].startswith("20")
    assert ann["createTimestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uid", "cy"),
        ("cn", "Cy, the third"),
        ("dn", f"cn=Cy\\2C the third,{PEOPLE}"),
    ],
)
def test_any_attribute_and_the_dn_can_be_the_key(server: Slapd, name: str, value: str) -> None:
    found = look(spec(server, key=name, filter="(employeeNumber=3)", attributes=["mail", "cn"]))

    assert list(found.records) == [value]


def test_an_attribute_of_several_values_that_should_be_one_is_reported(server: Slapd) -> None:
    found = look(spec(server, attributes=["uid", "mail", "cn"], single=["mail", "cn"]))

    # the cn of Cy is in the DN; that of Ann is not, but she has two, and two addresses
    assert list(found.records) == ["bo", "cy"]
    (problem,) = found.problems
    assert problem == f"{ANN}: cn has 2 values, and single takes one [SYNC-0258]"


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({}, ["ann", "bo", "cy"]),  # who has the key
        ({"filter": "(uid=b*)"}, ["bo"]),
        ({"filter": "(&(objectClass=person)(!(uid=ann)))"}, ["bo", "cy"]),
        ({"filter": "(userAccountControl:1.2.840.113556.1.4.803:=2)"}, ["ann"]),
        ({"base": PEOPLE, "scope": "one"}, ["ann", "bo", "cy"]),
        ({"scope": "one", "filter": "(|(uid=*)(ou=people))", "key": "ou"}, ["people"]),
        ({"page_size": 1}, ["ann", "bo", "cy"]),
        ({"page_size": 0}, ["ann", "bo", "cy"]),
        ({"bind_dn": ADMIN, "password": "env:PASSWORD"}, ["ann", "bo", "cy"]),
    ],
    ids=str,
)
def test_which_entries_are_records(server: Slapd, options: dict[str, Any], keys: list[str]) -> None:
    assert list(look(spec(server, **options)).records) == keys


def test_without_a_schema_tables_say_what_attributes_hold(server: Slapd) -> None:
    found = look(spec(server, read_schema=False, single=["cn"], filter="(uid=bo)"))

    bo = found.records["bo"]
    assert (bo["employeeNumber"], bo["mail"]) == ("2", ["bo@example.com"])
    assert (bo["manager"], bo["msExampleBoolean"]) == (["ann"], ["FALSE"])


def test_init_sees_the_first_records_before_the_key_is_known(server: Slapd) -> None:
    found = sample_source(spec(server, key="id", filter="(objectClass=person)"), 2)

    assert [row["uid"] for row in found.rows] == [["ann"], ["bo"]]
    assert found.rows[1]["manager"] == ["UID=Ann, ou=People, dc=Example,dc=com"]


# References


GROUPS_OF_OFFICE: dict[str, Any] = {
    "base": GROUPS,
    "key": "cn",
    "filter": "(objectClass=exampleGroup)",
    "attributes": ["cn", "member"],
    "references": {"member": "employeeNumber"},
}
GONE = f"uid=gone,{PEOPLE}"
INNER, OUTER = f"cn=inner,{GROUPS}", f"cn=outer,{GROUPS}"


@pytest.mark.parametrize(
    ("options", "members"),
    [
        ({}, {"inner": ["1", "2", GONE], "outer": ["1", "2", GONE], "empty": []}),
        ({"nested": False}, {"inner": ["2", OUTER], "outer": ["1", INNER, GONE], "empty": []}),
        # groups and people outside of the source are looked up at the server
        ({"filter": "(cn=outer)"}, {"outer": ["1", "2", GONE]}),
        ({"filter": "(cn=outer)", "nested": False}, {"outer": ["1", INNER, GONE]}),
        ({"references": {"MEMBER": "UID"}, "filter": "(cn=inner)"}, {"inner": ["ann", "bo", GONE]}),
        # the key by default; a name of which Ann has two is none
        ({"references": {}, "filter": "(cn=inner)"}, {"inner": [ANN, "Bo Berg", GONE]}),
        ({"base": SUFFIX}, {"inner": ["1", "2", GONE], "outer": ["1", "2", GONE], "empty": []}),
    ],
    ids=str,
)
def test_members_of_groups(
    server: Slapd, options: dict[str, Any], members: dict[str, list[str]]
) -> None:
    found = look(spec(server, **{**GROUPS_OF_OFFICE, **options})).records

    assert {name: sorted(each.get("member", [])) for name, each in found.items()} == {
        name: sorted(expected) for name, expected in members.items()
    }


def test_the_names_of_named_entries_need_not_be_keys_in_the_source(server: Slapd) -> None:
    """A key of both sources, such as an id of the server, needs no references."""
    people = look(
        spec(server, key="entryUUID", filter="(uid=*)", attributes=["uid"], single=["uid"])
    )
    ids = {each["uid"]: key for key, each in people.records.items()}
    options = {**GROUPS_OF_OFFICE, "key": "entryUUID", "references": {}, "filter": "(cn=inner)"}

    (group,) = look(spec(server, **options)).records.values()

    assert group["member"] == sorted([ids["ann"], ids["bo"], GONE])


def test_many_entries_outside_of_the_source_are_read_by_one_search() -> None:
    people = "".join(
        f"\ndn: uid=u{n},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: u{n}\ncn: x\nsn: x\n"
        for n in range(450)
    )
    members = "".join(f"member: uid=u{n},{PEOPLE}\n" for n in range(450))
    group = f"\ndn: cn=all,{GROUPS}\nobjectClass: exampleGroup\ncn: all\n{members}"
    with new_slapd() as slapd:
        slapd.load(OFFICE + people + group)
        slapd.start()
        options = {**GROUPS_OF_OFFICE, "filter": "(cn=all)", "references": {"member": "uid"}}

        found = look(spec(slapd, page_size=100, **options)).records["all"]

    assert sorted(found["member"]) == sorted(f"u{n}" for n in range(450))


@pytest.mark.parametrize("attributes", [["cn", "member"], None], ids=["named", "all"])
@pytest.mark.parametrize("base", [GROUPS, OUTER], ids=["in the source", "outside of the source"])
@pytest.mark.parametrize(
    ("inner", "members"),
    [
        ("exampleGroup", ["1"]),
        (f"exampleGroup\nmember: {BO}", ["1", "2"]),
    ],
)
def test_groups_within_groups(
    base: str, attributes: list[str] | None, inner: str, members: list[str]
) -> None:
    outer = f"objectClass: exampleGroup\ncn: outer\nmember: {ANN}\nmember: {INNER}"
    people = OFFICE.partition(f"\ndn: {INNER}")[0]
    options = {**GROUPS_OF_OFFICE, "attributes": attributes, "base": base}
    options["single"] = ["cn"]
    with new_slapd() as slapd:
        slapd.load(
            f"{people}\ndn: {OUTER}\n{outer}\n\ndn: {INNER}\nobjectClass: {inner}\ncn: inner\n"
        )
        slapd.start()

        found = look(spec(slapd, **options))

    assert found.records["outer"]["member"] == members


@pytest.fixture(scope="module")
def with_groups() -> Iterator[Slapd]:
    """A server that keeps memberOf; boss is in a group that is in another one."""
    with new_slapd() as slapd:
        slapd.load(OFFICE)
        slapd.start()
        with slapd.admin() as admin:
            for name, members in (
                ("admins", [ANN]),
                ("staff", [f"cn=admins,{GROUPS}", BO]),
                ("everyone", [f"cn=staff,{GROUPS}"]),
            ):
                admin.add(f"cn={name},{GROUPS}", "groupOfNames", cn=name, member=members)
        yield slapd


@pytest.mark.parametrize(
    ("options", "ann", "bo"),
    [
        (
            {"references": {"memberOf": "cn"}},
            ["admins", "everyone", "staff"],
            ["everyone", "staff"],
        ),
        ({"references": {"memberOf": "cn"}, "nested": False}, ["admins"], ["staff"]),
        ({"nested": False}, [f"cn=admins,{GROUPS}"], [f"cn=staff,{GROUPS}"]),  # no group has a uid
    ],
    ids=str,
)
def test_groups_of_people(
    with_groups: Slapd, options: dict[str, Any], ann: list[str], bo: list[str]
) -> None:
    found = look(spec(with_groups, attributes=["uid", "memberOf"], base=PEOPLE, **options)).records

    assert (found["ann"]["memberOf"], found["bo"]["memberOf"]) == (ann, bo)
    assert "memberOf" not in found["cy"]


# Connections


@pytest.mark.parametrize(
    "options",
    [
        {"url": "TLS"},
        {"starttls": True},
        {"url": "TLS", "sasl": "external", "cert": "reader.pem", "cert_key": "reader.key"},
        {"url": "TLS", "bind_dn": ADMIN, "password": "env:PASSWORD"},
    ],
    ids=str,
)
def test_connections_with_tls(server: Slapd, certificates: Path, options: dict[str, Any]) -> None:
    if "url" in options:
        options = {**options, "url": server.tls_url}

    assert look(spec(server, certificates, ca="ca.pem", **options)).records.keys() == {
        "ann",
        "bo",
        "cy",
    }


def test_a_socket_of_this_machine(server: Slapd) -> None:
    assert "ann" in look(spec(server, url=server.ipc_url, sasl="external")).records


def test_a_certificate_of_a_stranger_is_refused(server: Slapd, tmp_path: Path) -> None:
    Authority(tmp_path)

    for options in ({"url": server.tls_url}, {"starttls": True}):
        error = refusal(spec(server, tmp_path, ca="ca.pem", **options))

        assert isinstance(error, SourceUnavailable)
        assert error.code == "SYNC-0250"
        assert "certificate verify failed" in error.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"ca": "no.pem"},
            "sync.toml: sources.dir.ca: no.pem cannot be read: No such file or directory",
        ),
        (
            {"ca": "reader.key"},
            "sync.toml: sources.dir.ca: reader.key does not contain the required PEM data, or the"
            " private key does not match",
        ),
        (
            {"cert": "reader.pem", "cert_key": "server.key"},
            "sync.toml: sources.dir.cert: reader.pem does not contain the required PEM data, or the"
            " private key does not match",
        ),
    ],
    ids=str,
)
def test_files_with_certificates_that_cannot_be_used(
    server: Slapd, certificates: Path, options: dict[str, Any], message: str
) -> None:
    error = refusal(spec(server, certificates, url=server.tls_url, **options))

    assert (error.message, error.exit_code) == (message, 2)


# Refusals


def test_a_wrong_password(server: Slapd) -> None:
    error = refusal(spec(server, bind_dn=f"cn=reader,{SUFFIX}", password="env:PASSWORD"))

    assert error.exit_code == 2
    assert str(error) == (
        f"sync.toml: sources.dir.bind_dn: the LDAP server 127.0.0.1:{server.port} refuses the"
        " account: invalidCredentials [SYNC-0251]\n"
        "  check bind_dn and the secret that password refers to"
    )


def test_an_empty_password_is_not_tried(server: Slapd) -> None:
    """A server would take it for an anonymous account, which sees fewer entries."""
    with_account = spec(server, bind_dn=ADMIN, password="env:PASSWORD")
    empty = SourceSpec("dir", with_account.settings, Path(), secret=lambda _: "")

    error = refusal(empty)

    assert (error.exit_code, error.code) == (2, "SYNC-0251")
    assert error.message == "sync.toml: sources.dir.password: the password is empty"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"attributes": ["uid", "mali"]},
            'sync.toml: sources.dir.attributes: SERVER has no attribute "mali"',
        ),
        ({"key": "personnel"}, 'sync.toml: sources.dir.key: SERVER has no attribute "personnel"'),
        (
            {"filter": "(memberNR=1)"},
            'sync.toml: sources.dir.filter: SERVER has no attribute "memberNR"',
        ),
        (
            {"references": {"manager": "nr"}},
            'sync.toml: sources.dir.references: SERVER has no attribute "nr"',
        ),
        (
            {"filter": "(memberOf:1.2.840.113556.1.4.1941:=cn=a)"},
            "sync.toml: sources.dir.filter: SERVER does not know the matching rule"
            " 1.2.840.113556.1.4.1941",
        ),
        (
            {"filter": "(uid:9.9.9:=a)"},
            "sync.toml: sources.dir.filter: SERVER does not know the matching rule 9.9.9",
        ),
        ({"nested": "in-chain"}, "sync.toml: sources.dir.nested: SERVER is not Active Directory"),
        (
            {"base": "ou=nobody,dc=example,dc=com"},
            "sync.toml: sources.dir.base: there is no such entry, or it must not be read:"
            " noSuchObject",
        ),
        (
            {"references": {"manager": "departmentNumber"}},
            "sync.toml: sources.dir.references.manager: no entry that manager names has one value"
            ' of "departmentNumber" to read',
        ),
    ],
    ids=str,
)
def test_what_the_server_does_not_know_is_an_error(
    server: Slapd, options: dict[str, Any], message: str
) -> None:
    error = refusal(spec(server, **options))

    assert isinstance(error, SourceFormatError)
    assert error.message == message.replace("SERVER", f"the LDAP server 127.0.0.1:{server.port}")


def test_the_name_of_an_attribute_is_suggested(server: Slapd) -> None:
    error = refusal(spec(server, attributes=["uid", "givenNmae"]))

    assert error.hint == 'did you mean "givenname"?'
