"""The sync.toml of each page about a format of files works, on two days."""

from __future__ import annotations

from datetime import date

from tests.docs.documentation import blocks, page
from tests.office import Office, fetch
from tests.workbooks import edited, xlsx

WIKI = "https://wiki.example.com/scim/v2"
HEAD = ("Employee ID", "Name", "Work\nemail", "Status", "Title", "Start", "Teams")
START = date(2020, 1, 1)
AVERY = ("007", "Avery Stone", "Avery@example.com", "Active", "Lead", START, "North\nSouth")
BLAKE = (1002, "Blake Novak", "blake@example.com", "Active", "Clerk", START, "South")
OTHERS = [(2000 + n, f"Person {n}", f"p{n}@example.com", "Left", "", START, "") for n in range(8)]


def configure(office: Office, text: str) -> None:
    office.write("sync.toml", text.replace(WIKI, office.url))


def active(office: Office) -> dict[str, bool]:
    """The externalIds at the target."""
    return {user["externalId"]: user["active"] for user in office.accounts().values()}


def groups(office: Office) -> dict[str, int]:
    """The number of members of each group."""
    found = fetch(f"{office.url}/Groups?count=100", office.token)["Resources"]
    return {one["displayName"]: len(one.get("members", [])) for one in found}


def workbook(*people: tuple[object, ...]) -> bytes:
    return xlsx(
        [("Staff of ACME",), (), HEAD, *people, (), ("Total: 10",)],
        lambda book, _: book.create_sheet("Notes").append(["x"]),
    )


def test_an_excel_file_is_pushed_on_two_days(real_office: Office) -> None:
    office = real_office
    configure(office, blocks(page("docs/how-to/read-excel-files.md"), "toml")[0])
    (office.folder / "staff.xlsx").write_bytes(workbook(AVERY, BLAKE, *OTHERS))

    assert office.run("check").code == 0
    assert office.run("push").code == 0
    assert active(office) == {"007": True, "1002": True}
    assert groups(office) == {"North": 1, "South": 2}
    assert office.run("plan", "--exit-code").code == 0

    left = (*BLAKE[:3], "Left", *BLAKE[4:])
    broken = edited(
        workbook(AVERY, left, *OTHERS),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(
            '<c r="G4" t="inlineStr"><is><t>North\nSouth</t></is></c>',
            '<c r="G4" t="e"><v>#REF!</v></c>',
        ),
    )
    (office.folder / "staff.xlsx").write_bytes(broken)
    ran = office.run("push")

    assert ran.code == 4
    assert (
        'hr 007: row 4 of sheet Staff: has #REF! in column "Teams" (G4); the row is left out'
        in ran.err
    )
    assert active(office) == {"007": True, "1002": False}
    assert groups(office) == {"North": 1, "South": 2}


def test_a_yaml_file_is_pushed(real_office: Office) -> None:
    office = real_office
    text = page("docs/how-to/keep-users-in-git.md")
    configure(office, blocks(text, "toml")[0])
    office.write("people.yaml", blocks(text, "yaml")[0])

    assert office.run("check").code == 0
    assert office.run("push").code == 0

    assert active(office) == {"1001": True}
    assert groups(office) == {"platform": 1, "on-call": 1}
    assert office.run("plan", "--exit-code").code == 0


def test_a_user_whose_file_is_deleted_leaves(real_office: Office) -> None:
    office = real_office
    text = page("docs/how-to/keep-users-in-git.md")
    configure(office, blocks(text, "toml")[1])
    (office.folder / "people").mkdir()
    avery = blocks(text, "yaml")[1]
    for number in range(6):
        person = avery.replace("avery.stone", f"p{number}").replace("Avery", f"P{number}")
        office.write(f"people/p{number}.yaml", person)
    office.write("people/avery.yaml", avery)
    assert office.run("check").code == 0
    assert office.run("push").code == 0
    assert len(active(office)) == 7

    (office.folder / "people" / "avery.yaml").unlink()

    assert office.run("push").code == 0
    assert {key for key, is_active in active(office).items() if not is_active} == {"avery"}
