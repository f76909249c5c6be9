"""Groups within groups of a directory, from an export to the members at the target."""

from __future__ import annotations

import base64

import pytest

from tests.office import Office, fetch

PEOPLE, GROUPS = "ou=people,dc=example,dc=com", "ou=groups,dc=example,dc=com"

TOML = """
[sources.staff]
type = "ldif"
path = "people.ldif"
key = "{key}"
filter = "(objectClass=person)"
attributes = ["employeeNumber", "objectGUID", "uid", "cn"]
single = ["uid", "cn"]

[sources.teams]
type = "ldif"
path = "people.ldif"
key = "objectGUID"
filter = "(objectClass=group)"
attributes = ["objectGUID", "cn", "member"]
single = ["cn"]
{references}

[targets.wiki]
url = "{wiki}"
source = "staff"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}

[targets.wiki.user]
userName = "uid"
displayName = "cn"

[targets.wiki.groups.teams]
source = "teams"
displayName = "cn"
members = "member"
"""


def entry(dn: str, number: int, *lines: str) -> str:
    guid = base64.b64encode(bytes([number] * 16)).decode()
    return "\n".join([f"dn: {dn}", f"objectGUID:: {guid}", *lines, "", ""])


def export(inner: list[int]) -> str:
    """Return six people, of whom the first is in the outer group, which has the group `inner`."""
    people = [
        entry(
            f"uid=p{n},{PEOPLE}", n, "objectClass: person", f"uid: p{n}", f"cn: P {n}",
            f"employeeNumber: {n}",
        )
        for n in range(1, 7)
    ]  # fmt: skip
    groups = [
        entry(
            f"cn={name},{GROUPS}", number, "objectClass: group", f"cn: {name}",
            *(f"member: {member}" for member in members),
        )
        for number, name, members in [
            (8, "outer", [f"uid=p1,{PEOPLE}", f"cn=inner,{GROUPS}"]),
            (9, "inner", [f"uid=p{n},{PEOPLE}" for n in inner]),
        ]
    ]  # fmt: skip
    return "version: 1\n\n" + "".join(people + groups)


def members(office: Office) -> dict[str, int]:
    """Return how many members each group has at the target."""
    found = fetch(f"{office.url}/Groups", office.token)["Resources"]
    return {group["displayName"]: len(group.get("members", [])) for group in found}


@pytest.mark.parametrize(
    ("key", "references"),
    [("employeeNumber", 'references = { member = "employeeNumber" }'), ("objectGUID", "")],
)
@pytest.mark.parametrize("left", [[2], []], ids=["one left", "nobody left"])
def test_who_leaves_an_inner_group_leaves_the_outer_one(
    real_office: Office, left: list[int], key: str, references: str
) -> None:
    office = real_office
    office.write("sync.toml", TOML.format(wiki=office.url, key=key, references=references))
    office.write("people.ldif", export([2, 3]))
    assert office.run("push").code == 0
    assert members(office) == {"outer": 3, "inner": 2}
    office.write("people.ldif", export(left))

    ran = office.run("push")

    assert (ran.code, members(office)) == (0, {"outer": 1 + len(left), "inner": len(left)})
