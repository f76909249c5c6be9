"""The company in an OpenLDAP server."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.holders.holder import Held, Holder
from tests.directory_sources import GROUPS, HEAD, PEOPLE
from tests.servers.slapd import ADMIN, PASSWORD, new_slapd
from tests.sources_company import Company, Person


def ldif(company: Company) -> str:
    """Return the entries. Managers and members are named by their DNs."""
    names = {person.key: f"uid={person.login},{PEOPLE}" for person in company.people}
    entries = [HEAD]
    entries += [_person(person, names) for person in company.people]
    for group in company.groups:
        lines = [
            f"dn: cn={group.key},{GROUPS}",
            "objectClass: exampleGroup",
            f"cn: {group.key}",
            _line("description", group.name),
            *(f"member: {names[key]}" for key in group.members),
        ]
        entries.append("\n".join(lines) + "\n")
    return "\n".join(entries)


def _person(person: Person, names: dict[str, str]) -> str:
    lines = [
        f"dn: {names[person.key]}",
        "objectClass: inetOrgPerson",
        "objectClass: exampleAccount",
        f"uid: {person.login}",
        _line("cn", person.display_name),
        _line("sn", person.family_name),
        _line("givenName", person.given_name),
        _line("title", person.title),
        _line("departmentNumber", person.department),
        f"mail: {person.email}",
        f"employeeNumber: {person.key}",
        f"userAccountControl: {512 if person.active else 514}",
    ]
    if person.manager:
        lines.append(f"manager: {names[person.manager]}")
    return "\n".join(lines) + "\n"


def _line(name: str, value: str) -> str:
    if value.isascii():
        return f"{name}: {value}"
    return f"{name}:: {b64encode(value.encode()).decode()}"


def held(people: str, groups: str, environment: Mapping[str, str]) -> Held:
    """Return the tables of sync.toml for entries."""
    single = '["sn", "givenName", "title", "departmentNumber", "mail", "manager"]'
    return Held(
        people=f'{people}\nkey = "employeeNumber"\nsingle = {single}',
        groups=f'{groups}\nkey = "cn"\nsingle = ["cn", "description"]'
        '\nreferences = { member = "employeeNumber" }',
        key="employeeNumber",
        user_name="mail",
        given_name="givenName",
        family_name="sn",
        department="departmentNumber",
        scope="not disabled",
        group_name="description",
        members="member",
        environment=environment,
    )


@contextmanager
def slapd(company: Company, folder: Path) -> Iterator[Held]:
    """An OpenLDAP server, which is read in pages."""
    with new_slapd() as server:
        server.load(ldif(company))
        server.start()
        # an account without the size limit of 500 entries that slapd has for others
        url = f'type = "ldap"\nurl = "{server.url}"\nbind_dn = "{ADMIN}"\npassword = "env:PASSWORD"'
        yield held(
            f'{url}\nbase = "{PEOPLE}"\nfilter = "(objectClass=person)"',
            f'{url}\nbase = "{GROUPS}"\nfilter = "(objectClass=exampleGroup)"',
            {"PASSWORD": PASSWORD},
        )


@contextmanager
def ldif_export(company: Company, folder: Path) -> Iterator[Held]:
    """An LDIF export with all entries."""
    (folder / "directory.ldif").write_text(ldif(company), "utf-8")
    table = 'type = "ldif"\npath = "directory.ldif"'
    yield held(
        f'{table}\nfilter = "(objectClass=inetOrgPerson)"',
        f'{table}\nfilter = "(objectClass=exampleGroup)"',
        {},
    )


HOLDERS: dict[str, Holder] = {"slapd": slapd, "ldif": ldif_export}
