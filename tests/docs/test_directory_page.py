"""The configurations of docs/how-to/read-from-a-directory.md work, on day one and on day two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docs.documentation import blocks, page
from tests.office import Office, fetch
from tests.servers.certificates import Authority
from tests.servers.ldap_responder import LdapResponder, running_responder
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, new_slapd

OPENLDAP, ACTIVE_DIRECTORY, LDIF = blocks(page("docs/how-to/read-from-a-directory.md"), "toml")
WIKI = "https://wiki.example.com/scim/v2"
READER = f"cn=scimsync,ou=services,{SUFFIX}"


def person(name: str, number: int, more: str = "") -> str:
    return (
        f"\ndn: uid={name},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {name}\n"
        f"cn: {name}\nsn: Abel\ngivenName: {name.title()}\nmail: {name}@example.com\n"
        f"employeeNumber: {number}\ndepartmentNumber: IT\n{more}"
    )


ENTRIES = (
    f"""dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,{SUFFIX}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{SUFFIX}
objectClass: organizationalUnit
ou: groups

dn: ou=services,{SUFFIX}
objectClass: organizationalUnit
ou: services

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: scimsync
userPassword: {PASSWORD}
"""
    + person("ann", 1)
    + person("bo", 2, f"manager: uid=ann,ou=people,{SUFFIX}\n")
)
GROUPS = f"""
dn: cn=inner,ou=groups,{SUFFIX}
objectClass: groupOfNames
cn: inner
entryUUID: 1f4c7d3e-0000-4000-8000-000000000001
member: uid=bo,ou=people,{SUFFIX}

dn: cn=staff,ou=groups,{SUFFIX}
objectClass: groupOfNames
cn: staff
entryUUID: 1f4c7d3e-0000-4000-8000-000000000002
member: uid=ann,ou=people,{SUFFIX}
member: cn=inner,ou=groups,{SUFFIX}
"""


def members(office: Office) -> dict[str, set[str]]:
    """Return the user names of the members of each group."""
    names = {user["id"]: name for name, user in office.accounts().items()}
    groups = fetch(f"{office.url}/Groups", office.token)["Resources"]
    return {
        group["displayName"]: {names[one["value"]] for one in group.get("members", [])}
        for group in groups
    }


def active(office: Office) -> dict[str, bool]:
    return {name: user["active"] for name, user in office.accounts().items()}


def check_and_push(office: Office) -> None:
    checked = office.run("check")
    assert checked.code == 0, checked.out + checked.err
    pushed = office.run("push")
    assert pushed.code == 0, pushed.err
    assert office.run("plan", "--exit-code").code == 0


@pytest.fixture
def slapd(real_office: Office) -> Iterator[Slapd]:
    """A server as the page describes it, whose authority is in ca.pem of the office."""
    authority = Authority(real_office.folder)
    certificate = authority.issue("server")
    with new_slapd(certificate, authority.file) as server:
        server.configure(
            [
                f'access to * by dn.exact="{READER}" read by * break',
                "access to * by anonymous auth by * none",
            ],
            more=[f'limits dn.exact="{READER}" size=unlimited time=unlimited'],
        )
        server.load(ENTRIES + GROUPS)
        server.start()
        yield server


def test_openldap(real_office: Office, slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDAP_PASSWORD", PASSWORD)
    text = OPENLDAP.replace("ldaps://ldap.example.com", slapd.tls_url).replace(
        WIKI, real_office.url
    )
    real_office.write("sync.toml", text)

    check_and_push(real_office)

    assert active(real_office) == {"ann": True, "bo": True}
    assert members(real_office) == {"inner": {"bo"}, "staff": {"ann", "bo"}}

    with slapd.admin() as admin:  # Bo leaves
        admin.replace(f"cn=inner,ou=groups,{SUFFIX}", member=[f"uid=ann,ou=people,{SUFFIX}"])
        admin.delete(f"uid=bo,ou=people,{SUFFIX}")
    pushed = real_office.run("push", "--allow-removals", "4", "--allow-records", "1")
    assert pushed.code == 0, pushed.err

    assert active(real_office) == {"ann": True, "bo": False}
    assert members(real_office) == {"inner": {"ann"}, "staff": {"ann"}}


def test_a_right_that_is_lost_is_no_reason_to_empty_an_attribute(
    real_office: Office, slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDAP_PASSWORD", PASSWORD)
    text = OPENLDAP.replace("ldaps://ldap.example.com", slapd.tls_url).replace(
        WIKI, real_office.url
    )
    real_office.write("sync.toml", text)
    with slapd.admin() as admin:
        for number in range(3, 7):
            values = {"uid": f"u{number}", "cn": "x", "sn": "x", "employeeNumber": str(number)}
            values |= {"mail": f"u{number}@example.com", "departmentNumber": "IT"}
            admin.add(f"uid=u{number},ou=people,{SUFFIX}", "inetOrgPerson", **values)
    check_and_push(real_office)
    before = real_office.accounts()

    slapd.configure(
        [
            "access to attrs=departmentNumber by * none",
            f'access to * by dn.exact="{READER}" read by * break',
            "access to * by anonymous auth by * none",
        ],
        more=[f'limits dn.exact="{READER}" size=unlimited time=unlimited'],
    )
    slapd.restart()
    pushed = real_office.run("push")

    assert pushed.code == 3
    assert "guard.max_emptied" in pushed.err
    assert "departmentNumber" in pushed.err
    assert real_office.accounts() == before


def test_ldif(real_office: Office) -> None:
    real_office.write("people.ldif", ENTRIES + GROUPS)
    real_office.write("sync.toml", LDIF.replace(WIKI, real_office.url))

    check_and_push(real_office)

    assert active(real_office) == {"ann": True, "bo": True}
    assert members(real_office) == {"inner": {"bo"}, "staff": {"ann", "bo"}}

    real_office.write("people.ldif", (ENTRIES + GROUPS)[:-30])  # still being written
    cut = real_office.run("push")

    assert cut.code == 1
    assert "is it still being written?" in cut.err
    assert active(real_office) == {"ann": True, "bo": True}


BASE = "DC=example,DC=com"
NEVER = "9223372036854775807"


def user(name: str, number: int, control: int, **more: str) -> dict[str, list[str | bytes]]:
    values = {
        "objectCategory": "person",
        "objectClass": "user",
        "employeeID": str(number),
        "sAMAccountName": name,
        "userPrincipalName": f"{name}@example.com",
        "givenName": name,
        "sn": "Abel",
        "mail": f"{name}@example.com",
        "userAccountControl": str(control),
        "accountExpires": NEVER,
        **more,
    }
    found: dict[str, list[str | bytes]] = {key: [value] for key, value in values.items()}
    return {**found, "objectGUID": [bytes([number]) * 16]}


@pytest.fixture
def domain() -> Iterator[LdapResponder]:
    """A domain with two users, one of whom is disabled, and an administrator."""
    admins = f"CN=Wiki admins,OU=Groups,{BASE}"
    ann, bo = f"CN=Ann,{BASE}", f"CN=Bo,{BASE}"
    schema = "CN=Aggregate,CN=Schema,CN=Configuration,DC=example,DC=com"
    single = (
        "employeeID sAMAccountName userPrincipalName givenName sn mail department"
        " userAccountControl accountExpires cn objectCategory"
    )
    syntax = "1.3.6.1.4.1.1466.115.121.1"
    types = [f"( 1.1.{n} NAME '{one}' SYNTAX '{syntax}.15' SINGLE-VALUE )"
             for n, one in enumerate(single.split())]  # fmt: skip
    types += [
        f"( 1.2.1 NAME 'objectClass' SYNTAX '{syntax}.38' )",
        f"( 1.2.2 NAME 'manager' SYNTAX '{syntax}.12' SINGLE-VALUE )",
        f"( 1.2.3 NAME 'memberOf' SYNTAX '{syntax}.12' )",
        f"( 1.2.4 NAME 'member' SYNTAX '{syntax}.12' )",
        f"( 1.2.5 NAME 'objectGUID' SYNTAX '{syntax}.40' SINGLE-VALUE )",
    ]
    entries: dict[str, dict[str, list[str | bytes]]] = {
        BASE: {"objectClass": ["domain"], "subschemaSubentry": [schema]},
        f"OU=Groups,{BASE}": {"objectClass": ["ou"], "subschemaSubentry": [schema]},
        schema: {"objectClass": ["subSchema"], "attributeTypes": [*types]},
        ann: {**user("Ann", 1, 512), "memberOf": [admins]},
        bo: user("Bo", 2, 514, manager=ann),
        f"CN=Cy,{BASE}": user("Cy", 3, 512, manager=ann, accountExpires="132500000000000000"),
        f"CN=Di,{BASE}": user("Di", 4, 512, manager=ann, accountExpires="0"),
        admins: {
            "objectClass": ["group"],
            "cn": ["Wiki admins"],
            "sAMAccountName": ["Wiki admins"],
            "objectGUID": [b"\x09" * 16],
            "member": [ann],
        },
    }
    with running_responder(entries) as responder:
        yield responder


def test_active_directory(
    real_office: Office, domain: LdapResponder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AD_PASSWORD", PASSWORD)
    text = ACTIVE_DIRECTORY.replace("ldaps://dc1.example.com", domain.url).replace(
        WIKI, real_office.url
    )
    lines = [line for line in text.splitlines() if not line.startswith("ca ")]
    real_office.write("sync.toml", "\n".join(lines))

    check_and_push(real_office)

    users = real_office.accounts()
    assert set(users) == {"ann@example.com", "di@example.com"}  # Bo is disabled, Cy has expired
    assert users["ann@example.com"]["externalId"] == "01010101-0101-0101-0101-010101010101"
    assert users["ann@example.com"]["roles"] == [{"value": "admin"}]
    assert "roles" not in users["di@example.com"]
    assert members(real_office) == {"Wiki admins": {"ann@example.com"}}
