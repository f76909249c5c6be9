"""The report in each format keeps within its bounds and adds nothing to what values say."""

from __future__ import annotations

import csv
import io

import pytest

from scimsync.adoption.existing_accounts import existing_account
from scimsync.adoption.report import AdoptionReport, Listing, Suggestion, TargetReport, Topic
from scimsync.adoption.row_files import GroupRows, UserRows
from scimsync.adoption.rows import AdoptionOutcome, GroupMember, GroupRow, UserRow
from scimsync.cli.commands.adoption.adoption_csv import COLUMNS, csv_rows
from scimsync.cli.commands.adoption.adoption_markdown import markdown_report
from scimsync.cli.commands.adoption.adoption_words import (
    USERS,
    group_notes,
    list_sentence,
    user_notes,
)
from scimsync.cli.ui.csv_text import csv_cell, csv_lines
from scimsync.model.changes import Change
from scimsync.model.ids import Key

ADA = existing_account({"id": "7", "userName": "ada|lovelace", "active": False}, None)


def report(rows: list[UserRow], groups: tuple[GroupRow, ...] = ()) -> AdoptionReport:
    """Return a report about one target."""
    suggestion = Suggestion(Topic.GROUPS, "exists *already*", 'adopt = true\nmatch = ["a"]')
    target = TargetReport(
        "wiki", "https://wiki.example.com", Listing(len(rows)), Listing(len(groups)),
        UserRows(rows), GroupRows(groups), suggestions=(suggestion,),
    )  # fmt: skip
    return AdoptionReport((target,))


def test_markdown_fits_into_a_comment_and_says_what_it_leaves_out() -> None:
    long = Change("title", "a" * 500, "b" * 500)
    rows = [
        UserRow(AdoptionOutcome.MATCH, Key(str(n)), accounts=(ADA,), changes=(long,))
        for n in range(500)
    ]

    text = "\n".join(markdown_report(report(rows)))

    assert 55_000 < len(text) < 65_536
    shown = text.count("<code>title") + text.count("title: ")
    assert f"| … {500 - shown:,} more | | | | |" in text


def test_markdown_escapes_what_accounts_are_called() -> None:
    group = GroupRow(AdoptionOutcome.UNMATCHED, "# <b>all</b> @everyone")
    text = "\n".join(
        markdown_report(report([UserRow(AdoptionOutcome.UNMATCHED, accounts=(ADA,))], (group,)))
    )

    assert "ada\\|lovelace, deactivated" in text
    assert "\\# &lt;b&gt;all&lt;/b&gt; \\@everyone" in text
    assert "1. exists \\*already\\* <code>adopt = true</code> <code>" in text


def test_a_spreadsheet_has_the_outcomes_in_order_and_an_account_a_row() -> None:
    rows = [
        UserRow(AdoptionOutcome.MATCH, Key("1"), accounts=(ADA,)),
        UserRow(AdoptionOutcome.CREATE, Key("3"), "Grace"),
        UserRow(AdoptionOutcome.AMBIGUOUS, Key("2"), accounts=(ADA, ADA)),
    ]
    text = "".join(csv_lines(csv_rows(report(rows, (GroupRow(AdoptionOutcome.MATCH, "Staff"),)))))
    read = list(csv.DictReader(io.StringIO(text)))

    assert tuple(read[0]) == COLUMNS
    assert [(row["kind"], row["outcome"], row["key"]) for row in read] == [
        ("user", "ambiguous", "2"),
        ("user", "ambiguous", "2"),
        ("user", "create", "3"),
        ("user", "match", "1"),
        ("group", "match", ""),
    ]
    assert {row["decision"] for row in read} == {""}


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("  @SUM(A1)", "'  @SUM(A1)"),
        ("-5", "'-5"),
        ("\t=1", "'\\t=1"),
        ("\uff1d1", "'\uff1d1"),
        ("a\x1b[2Jb\r\nc", "a\\x1b[2Jb\\r\\nc"),
        (5, 5),
        (None, None),
    ],
)
def test_a_cell_is_no_formula_and_holds_no_control_character(value: object, cell: object) -> None:
    assert csv_cell(value) == cell


def test_words_say_what_becomes_of_members_and_accounts() -> None:
    some = tuple(GroupMember(f"u{n}") for n in range(7))
    group = GroupRow(
        AdoptionOutcome.MATCH, "Staff", members=8, added=some, removed=some[:1], unknown=some[:2]
    )

    assert group_notes(group) == [
        "8 members",
        "7 to add: u0, u1, u2, u3, u4 and 2 more",
        "1 to take out: u0",
        "2 in it without a user: u0, u1",
    ]
    back = UserRow(AdoptionOutcome.MATCH, Key("1"), changes=(Change("active", False, True),))
    assert user_notes(back) == ["reactivates the account"]
    assert (
        list_sentence(Listing(5, "only 5 of 9 came"), "account")
        == "5 accounts listed; only 5 of 9 came"
    )
    assert list_sentence(Listing(None, "403"), "group") == "groups cannot be listed: 403"


def test_each_outcome_has_a_heading() -> None:
    assert USERS.keys() == set(AdoptionOutcome)
