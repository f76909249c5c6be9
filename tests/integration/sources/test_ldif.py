"""Entries of LDIF files (RFC 2849) become records; what is no complete export stops the source."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from scimsync.errors import ScimsyncError, SourceUnavailable
from scimsync.sources import SourceSpec
from scimsync.sources.samples import sample_source
from scimsync.sources.workspace import Workspace
from tests.directory_sources import GROUPS, OFFICE, PEOPLE, directory_spec, look

ANN = "dn: uid=ann,dc=example\nobjectClass: person\nuid: ann\ncn: Ann\n"
BO = "dn: uid=bo,dc=example\nobjectClass: person\nuid: bo\ncn: Bo\n"
DAMAGED = gzip.compress(ANN.encode(), mtime=0)[:-4] + b"abcd"


def spec(folder: Path, content: str | bytes | None = None, **options: Any) -> SourceSpec[Any]:
    """Return the source of `office.ldif`, which has the content."""
    if content is not None:
        data = content.encode() if isinstance(content, str) else content
        (folder / "office.ldif").write_bytes(data)
    return directory_spec("ldif", folder, **{"path": "office.ldif", **options})


def refusal(spec: SourceSpec[Any]) -> ScimsyncError:
    with pytest.raises(ScimsyncError) as caught:
        look(spec)
    return caught.value


def test_attributes_become_columns_of_their_types(tmp_path: Path) -> None:
    found = look(spec(tmp_path, OFFICE, single=["cn", "manager"], filter="(employeeNumber>=2)"))

    assert found.problems == []
    assert found.columns == [
        "dn", "objectClass", "dc", "o", "ou", "uid", "cn", "cn;lang-de", "sn", "mail",
        "employeeNumber", "userAccountControl", "accountExpires", "objectGUID", "objectSid",
        "whenCreated", "msExampleBoolean", "manager", "member", "disabled",
    ]  # fmt: skip
    assert found.records == {
        "bo": {
            "uid": "bo",
            "dn": f"uid=bo,{PEOPLE}",
            "objectClass": ["inetOrgPerson", "exampleAccount"],
            "cn": "Bo Berg",
            "sn": ["Berg"],
            "mail": ["bo@example.com"],
            "employeeNumber": "2",
            "userAccountControl": "512",
            "disabled": False,
            "msExampleBoolean": ["FALSE"],
            "manager": "ann",
        },
        "cy": {
            "uid": "cy",
            "dn": f"cn=Cy\\2C the third,{PEOPLE}",
            "objectClass": ["inetOrgPerson"],
            "cn": "Cy, the third",
            "sn": ["Cyan"],
            "employeeNumber": "3",
            "manager": f"uid=nobody,{PEOPLE}",
        },
    }


def test_values_of_active_directory(tmp_path: Path) -> None:
    ann = look(spec(tmp_path, OFFICE, filter="(uid=ann)")).records["ann"]

    assert ann["accountExpires"] == "2024-01-17T21:20:00Z"
    assert ann["objectGUID"] == "04030201-0605-0807-090a-0b0c0d0e0f10"
    assert (ann["objectSid"], ann["whenCreated"]) == ("S-1-5-18", "2024-01-02T03:04:05Z")
    assert (ann["disabled"], ann["cn;lang-de"]) == (True, ["Anna Abel"])
    assert ann.keys().isdisjoint({"jpegPhoto", "userPassword"})


@pytest.mark.parametrize(
    ("options", "members"),
    [
        ({}, {"inner": ["1", "2", "uid=gone"], "outer": ["1", "2", "uid=gone"]}),
        ({"filter": "(cn=inner)"}, {"inner": ["1", "2", "uid=gone"]}),
        ({"nested": False, "filter": "(cn=inner)"}, {"inner": ["2", "cn=outer"]}),
        ({"references": {}, "filter": "(cn=inner)"}, {"inner": ["Bo Berg", "uid=ann", "uid=gone"]}),
    ],
    ids=str,
)
def test_members_of_groups(
    tmp_path: Path, options: dict[str, Any], members: dict[str, list[str]]
) -> None:
    given: dict[str, Any] = {
        "key": "cn",
        "filter": "(member=*)",
        "attributes": ["cn", "member"],
        "references": {"member": "employeeNumber"},
        **options,
    }
    names = {"uid=gone": PEOPLE, "uid=ann": PEOPLE, "cn=outer": GROUPS}

    found = look(spec(tmp_path, OFFICE, **given)).records

    assert {name: each["member"] for name, each in found.items()} == {
        name: sorted(f"{one},{names[one]}" if one in names else one for one in expected)
        for name, expected in members.items()
    }


def entry(name: str, classes: str, *lines: str) -> str:
    """Return an entry with this name."""
    of_class = [f"objectClass: {one}" for one in classes.split()]
    return "\n".join([f"dn: cn={name},dc=example", f"cn: {name}", *of_class, *lines, "", ""])


BO_IN_DIRECTORY = entry("bo", "top person", "employeeNumber: 2")
OUTER = ("member: cn=ann,dc=example", "member: cn=inner,dc=example")


@pytest.mark.parametrize(
    "classes", ["groupOfNames", "groupOfUniqueNames", "top GROUP", "posixGroup"]
)
@pytest.mark.parametrize(
    "key",
    [
        {"references": {"member": "employeeNumber"}},
        {},  # the key of a group may be that of a user too
    ],
    ids=["an attribute that groups lack", "the key"],
)
def test_a_group_without_members_is_no_member(
    tmp_path: Path, classes: str, key: dict[str, Any]
) -> None:
    people = entry("ann", "top person", "employeeNumber: 1") + BO_IN_DIRECTORY
    outer = entry("outer", "groupOfNames", *OUTER)
    options = {"key": "cn", "filter": "(cn=outer)", "attributes": ["member"], **key}

    found = look(spec(tmp_path, people + outer + entry("inner", classes), **options))

    assert found.records["outer"]["member"] == ["1" if key else "ann"]


@pytest.mark.parametrize(
    ("inner", "members"),
    [
        # what kind of entry has members, is a group without them too
        (entry("inner", "top exampleGroup"), ["ann"]),
        (entry("inner", "top groupOfNames", "member: cn=deep,dc=example"), ["ann"]),
        (entry("inner", "top groupOfNames", "member: cn=outer,dc=example"), ["ann"]),
        # the attribute of members differs
        (entry("inner", "groupOfUniqueNames", "uniqueMember: cn=bo,dc=example"), ["ann", "bo"]),
        # not a group
        (entry("inner", "inetOrgPerson"), ["ann", "inner"]),
        (entry("inner", "inetOrgPerson posixGroup"), ["ann", "inner"]),
        (entry("inner", "exampleAccount"), ["ann", "inner"]),
        (entry("inner", ""), ["ann", "inner"]),
        ("", ["ann", "cn=inner,dc=example"]),
    ],
)
def test_which_entries_are_groups(tmp_path: Path, inner: str, members: list[str]) -> None:
    content = (
        entry("ann", "top person")
        + BO_IN_DIRECTORY
        + entry("deep", "groupOfNames")
        + entry("outer", "top exampleGroup", *OUTER)
        + inner
    )
    options = {"attributes": ["member", "uniqueMember"], "filter": "(cn=outer)"}

    found = look(spec(tmp_path, content, key="cn", **options))

    assert found.records["outer"]["member"] == members


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(
    ("other", "member"),
    [
        # neither people nor groups, and without a number
        (entry("other", "organizationalRole simpleSecurityObject"), None),
        (entry("other", "applicationProcess simpleSecurityObject"), None),
        (entry("other", "top person organizationalPerson user computer"), None),
        (entry("other", "top person organizationalPerson contact"), None),
        (entry("other", "top foreignSecurityPrincipal"), None),
        (entry("other", "top person user computer msDS-GroupManagedServiceAccount"), None),
        # they may be users of another source
        (entry("other", "top computer", "employeeNumber: 9"), "9"),
        # a person may have lost the number
        (entry("other", "top person"), "cn=other,dc=example"),
        (entry("other", "account simpleSecurityObject"), "cn=other,dc=example"),
        (entry("other", "exampleAccount"), "cn=other,dc=example"),
        # nothing was read
        ("", "cn=other,dc=example"),
    ],
)
def test_members_that_are_no_users_are_left_out(
    tmp_path: Path, other: str, member: str | None, nested: bool
) -> None:
    groups = entry("ones", "groupOfNames", "member: cn=bo,dc=example") + entry(
        "others", "groupOfNames", "member: cn=other,dc=example"
    )
    options = {"key": "cn", "filter": "(objectClass=groupOfNames)", "attributes": ["member"]}
    references = {"member": "employeeNumber"}

    found = look(
        spec(
            tmp_path,
            BO_IN_DIRECTORY + groups + other,
            **options,
            references=references,
            nested=nested,
        )
    )

    assert found.records["others"].get("member", []) == ([] if member is None else [member])
    assert found.records["ones"]["member"] == ["2"]


def test_a_text_of_one_member_is_empty_for_a_group_without_members(tmp_path: Path) -> None:
    outer = entry("outer", "groupOfNames", "member: cn=inner,dc=example")
    options = {"attributes": ["member"], "single": ["member"], "key": "cn"}

    found = look(spec(tmp_path, outer + entry("inner", "groupOfNames"), **options))

    assert "member" not in found.records["outer"]


@pytest.mark.parametrize(
    ("content", "cn"),
    [
        ("dn: uid=a\nuid: a\ncn: Ann\n", "Ann"),
        ("version: 1\n\ndn: uid=a\nuid: a\ncn: Ann\n", "Ann"),
        ("version: 1\ndn: uid=a\nuid: a\ncn: Ann\n\n\n", "Ann"),
        ("\ufeffdn: uid=a\nuid: a\ncn: Ann\n", "Ann"),
        ("\n\n# a comment\n#  that goes\n  on\ndn: uid=a\nuid: a\n# here\n  too\ncn: Ann\n", "Ann"),
        ("dn: uid=a\r\nuid: a\r\ncn: Ann\r\n\r\ndn: uid=b\r\nuid: b\r\n", "Ann"),
        ("dn: uid=a\nuid: a\ncn: An\n n\n", "Ann"),
        ("dn: uid=a\r\nuid: a\r\ncn: An\r\n n\r\n", "Ann"),
        ("dn: uid=a\nuid: a\ncn:  Ann\n", "Ann"),
        ("dn: uid=a\nuid: a\ncn:Ann\n", "Ann"),
        ("dn: uid=a\nuid: a\ncn:: QW5u\n", "Ann"),
        ("dn:: dWlkPWE=\nuid: a\ncn:: QW\n 5u\n", "Ann"),
        ("dn: uid=a\nuid: a\ncn: Zoë\n", "Zoë"),  # UTF-8 without base64, which many tools write
        ("dn: uid=a\nuid: a\ncn:: Wm/Dqw==\n", "Zoë"),
        ("dn: uid=a\nUID: a\nCn: Ann: x # y\n", "Ann: x # y"),
        ("dn: uid=a\nuid: a\ncn;binary: Ann\n", "Ann"),
        ("dn: uid=a\nchangetype: add\nuid: a\ncn: Ann\n", "Ann"),  # as ldifde exports it
        ("dn: uid=a\nuid: a\ncn: Ann\n\nref: ldap://other.example.com\n", "Ann"),
        (
            "# extended LDIF\n#\n\ndn: uid=a\nuid: a\ncn: Ann\n\n# search result\nsearch: 2\n"
            "result: 0 Success\n\n# numResponses: 2\n# numEntries: 1\n",
            "Ann",
        ),
    ],
)
def test_the_forms_of_a_file(tmp_path: Path, content: str, cn: str) -> None:
    found = look(spec(tmp_path, content, single=["cn"]))

    assert found.records["a"]["cn"] == cn
    assert found.problems == []


@pytest.mark.parametrize(
    ("content", "code", "exit_code", "message"),
    [
        (
            "dn: uid=a\nchangetype: delete\n",
            "SYNC-0262",
            2,
            'PATH, line 1: the file has changes ("changetype: delete"), and a source needs entries',
        ),
        (
            f"{ANN}\ndn: uid=a\nchangetype: modify\nreplace: cn\ncn: x\n-\n",
            "SYNC-0262",
            2,
            'PATH, line 6: the file has changes ("changetype: modify"), and a source needs entries',
        ),
        (
            "dn: uid=a\nuid: a\n-\n",
            "SYNC-0262",
            2,
            'PATH, line 1: the file has changes ("-"), and a source needs entries',
        ),
        (
            f"{ANN}\n\ndn: uid=a\ncontrol: 1.2 true\nchangetype: add\nuid: a\n",
            "SYNC-0262",
            2,
            'PATH, line 7: the file has changes ("control: 1.2 true"), and a source needs entries',
        ),
        (
            "dn: uid=a\nuid: a\ncn:< file:///etc/passwd\n",
            "SYNC-0261",
            2,
            "PATH, line 1: the value of cn is in another file, which scimsync does not read",
        ),
        (
            "dn: uid=a\nuid: a\ncn:: QW5\n",
            "SYNC-0261",
            2,
            "PATH, line 1: the value of cn is not base64",
        ),
        (
            "uid: a\ncn: Ann\n",
            "SYNC-0261",
            2,
            'PATH, line 1: an entry begins with "dn:", not with "uid: a"',
        ),
        ("version: 2\n\n" + ANN, "SYNC-0261", 2, 'PATH, line 1: "version: 2" is not version 1'),
        (ANN + BO, "SYNC-0261", 2, 'PATH, line 1: no empty line before "dn: uid=bo,dc=example"'),
        (
            f"{ANN}\ndn: uid=a\nuid: a\nno colon\n",
            "SYNC-0261",
            2,
            'PATH, line 6: "no colon" is not an attribute with a value',
        ),
        (
            "dn: uid=a\nuid: a\n1x: y\n",
            "SYNC-0261",
            2,
            'PATH, line 1: "1x: y" is not an attribute with a value',
        ),
        (
            "dn: uid=a\nuid: a\ncn: Zoë\n".encode("latin-1"),
            "SYNC-0258",
            2,
            "office.ldif: line 1: uid=a: byte 0xeb of cn is not UTF-8",
        ),
        (
            "dn: uid=ë\nuid: a\n".encode("latin-1"),
            "SYNC-0207",
            2,
            "PATH, line 1: byte 0xeb of the DN is not UTF-8",
        ),
        (ANN.encode("utf-16"), "SYNC-0207", 2, "PATH is UTF-16, and LDIF is UTF-8"),
        ("", "SYNC-0505", 3, "office.ldif is empty"),
        ("version: 1\n\n# nothing\n", "SYNC-0505", 3, "office.ldif has no entries"),
        ("dn: uid=a\ncn: Ann\n", "SYNC-0205", 2, None),
        # cut off
        (
            f"{ANN}\ndn: uid=bo,dc=example\nuid: bo\ncn: B",
            "SYNC-0263",
            1,
            "office.ldif ends within line 8; is it still being written?",
        ),
        (
            f"{ANN}\ndn: uid=bo,dc=example\n",
            "SYNC-0263",
            1,
            "office.ldif ends after the DN in line 6; is it still being written?",
        ),
        (
            f"{ANN}\n# search result\nsearch: 2\nresult: 4 Size limit exceeded\n",
            "SYNC-0263",
            1,
            'office.ldif is not complete according to ldapsearch: "4 '
            'Size limit exceeded"; is it still'
            " being written?",
        ),
        (
            f"{ANN}\n# numEntries: 2\n",
            "SYNC-0263",
            1,
            "office.ldif says that it has 2 entries, but has 1; is it still being written?",
        ),
        (
            gzip.compress(ANN.encode(), mtime=0)[:-9],
            "SYNC-0263",
            1,
            "office.ldif is cut off; is it still being written?",
        ),
        (
            DAMAGED,
            "SYNC-0261",
            2,
            "sources.dir.path: office.ldif is damaged, or not all of it is gzip",
        ),
    ],
)
def test_what_is_no_complete_export_stops_the_source(
    tmp_path: Path, content: str | bytes, code: str, exit_code: int, message: str | None
) -> None:
    error = refusal(spec(tmp_path, content))

    assert (error.code, error.exit_code) == (code, exit_code)
    if message is not None:
        expected = message.replace("PATH", "sync.toml: sources.dir.path: office.ldif")
        assert error.message.removeprefix("sync.toml: ") == expected.removeprefix("sync.toml: ")


@pytest.mark.parametrize("cut", range(1, len(OFFICE.encode()), 7))
def test_no_cut_makes_a_shorter_directory_unless_at_the_end_of_an_attribute(
    tmp_path: Path, cut: int
) -> None:
    """A cut that leaves whole lines cannot be seen; guards are for that."""
    content = OFFICE.encode()[:cut]

    if content.endswith(b"\n"):
        return
    with pytest.raises(ScimsyncError) as caught:
        look(spec(tmp_path, content))
    assert caught.value.code in ("SYNC-0263", "SYNC-0205", "SYNC-0261")


def test_several_files_are_one_directory(tmp_path: Path) -> None:
    (tmp_path / "a.ldif").write_text(ANN)
    (tmp_path / "b.ldif").write_bytes(gzip.compress(f"{BO}manager: UID=Ann,dc=example\n".encode()))

    one = spec(tmp_path, path="*.ldif", attributes=["cn", "manager"], single=["cn", "manager"])

    assert look(one).records["bo"]["manager"] == "ann"
    assert one.watch() == ("*.ldif",)
    with Workspace() as workspace:
        assert list(one.open(workspace).pattern_files) == ["a.ldif", "b.ldif"]


def test_entries_with_one_key_are_reported_with_their_lines(tmp_path: Path) -> None:
    content = f"{ANN}\n{BO}\n{BO.replace('Bo', 'Bob')}\n{BO.replace('uid: bo', 'uid: di')}"

    found = look(spec(tmp_path, content, single=["cn"]))

    assert list(found.records) == ["ann", "di"]
    assert found.problems == [
        'key "bo" is in lines 6 and 11, which differ in cn; neither counts [SYNC-0222]'
    ]


def test_a_dn_that_two_entries_have_names_neither(tmp_path: Path) -> None:
    twice = f"{BO}\n{BO.replace('uid: bo', 'uid: di')}"
    content = f"{ANN}manager: uid=bo,dc=example\n\n{twice}"

    found = look(spec(tmp_path, content, single=["manager"]))

    assert found.records["ann"]["manager"] == "uid=bo,dc=example"


def test_an_entry_with_several_values_for_one_is_reported(tmp_path: Path) -> None:
    content = f"{ANN}mail: a@example.com\n\n{BO}mail: b@example.com\nmail: c@example.com\n"

    found = look(spec(tmp_path, content, single=["mail"]))

    assert list(found.records) == ["ann"]
    (problem,) = found.problems
    assert problem == "uid=bo,dc=example: mail has 2 values, and single takes one [SYNC-0258]"


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    with Workspace() as workspace:
        source = spec(tmp_path, f"{ANN}\n{BO}").open(workspace)
        source.checksum()
        (tmp_path / "office.ldif").write_text(ANN)

        with pytest.raises(SourceUnavailable) as caught:
            source.ensure_unchanged()

    assert caught.value.code == "SYNC-0201"


@pytest.mark.parametrize(
    ("path", "error", "code"),
    [
        ("missing.ldif", SourceUnavailable, "SYNC-0202"),
        ("*.ldif", SourceUnavailable, "SYNC-0202"),
        (".", SourceUnavailable, "SYNC-0202"),
    ],
)
def test_a_file_that_is_not_there(
    tmp_path: Path, path: str, error: type[ScimsyncError], code: str
) -> None:
    with pytest.raises(error) as caught:
        look(spec(tmp_path, path=path))

    assert caught.value.code == code


def test_init_sees_the_first_records_before_the_key_is_known(tmp_path: Path) -> None:
    found = sample_source(spec(tmp_path, f"{ANN}\n{BO}", key="id"), 1)

    assert [row["uid"] for row in found.rows] == [["ann"]]
    assert found.columns == ("dn", "objectClass", "uid", "cn")
