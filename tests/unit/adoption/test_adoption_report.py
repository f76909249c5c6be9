"""What the report concludes: outcomes, resemblance, differences, and suggested filters."""

from __future__ import annotations

import pytest

from scimsync.adoption.classify import leaver_outcome, outcome_of
from scimsync.adoption.existing_accounts import ExistingAccount, existing_account
from scimsync.adoption.lookalikes import Unclaimed, marks_of_document
from scimsync.adoption.report import Listing, Topic
from scimsync.adoption.row_files import GroupRows, UserRows
from scimsync.adoption.rows import AdoptionOutcome, UserRow
from scimsync.adoption.service_accounts import suggested_filters
from scimsync.adoption.suggestions import Facts, suggestions, toml_filter
from scimsync.adoption.unfit_mappings import how_different, usual_differences
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.operations import Action, Operation, OperationStatus, Phase


def account(user_name: str, **values: object) -> ExistingAccount:
    """Return an account as a target shows it."""
    return existing_account({"id": f"id-{user_name}", "userName": user_name, **values}, None)


def operation(action: Action, kind: Kind = Kind.USER, **values: object) -> Operation:
    """Return what a plan does about one user or group."""
    fields = {"phase": Phase.UPDATE, "key": Key("1"), "reason": "", **values}
    return Operation(kind=kind, action=action, **fields)  # type: ignore[arg-type]


ADA = account("ada@example.com")
GUARDED = existing_account({"id": "9", "userName": "root"}, 'userName eq "root"')
STRONG = operation(Action.ADOPT, matched=("userName", "name"))
WEAK = operation(Action.ADOPT, matched=("userName",))
NEW = operation(Action.CREATE)


def failed(detail: str) -> Operation:
    """Return an operation that cannot be planned."""
    return operation(Action.CREATE, status=OperationStatus.FAILED, detail=detail)


OUTCOMES = [
    # linked, whatever the plan does with it
    (None, (ADA,), True, AdoptionOutcome.LINKED),
    (failed("x"), (), True, AdoptionOutcome.LINKED),
    # taken over
    (STRONG, (ADA,), False, AdoptionOutcome.MATCH),
    (operation(Action.ADOPT, matched=("externalId",)), (ADA,), False, AdoptionOutcome.MATCH),
    (WEAK, (ADA,), False, AdoptionOutcome.WEAK_MATCH),
    # groups have no names that could agree
    (
        operation(Action.ADOPT, Kind.GROUP, matched=("displayName",)),
        (ADA,),
        False,
        AdoptionOutcome.MATCH,
    ),
    (NEW, (), False, AdoptionOutcome.CREATE),
    # nothing is sent, and why
    (failed("ambiguous: 2 accounts [SYNC-0342]"), (ADA, GUARDED), False, AdoptionOutcome.AMBIGUOUS),
    (failed("protected by x [SYNC-0361]"), (GUARDED,), False, AdoptionOutcome.PROTECTED),
    (failed("belongs to 00002 [SYNC-0343]"), (ADA,), False, AdoptionOutcome.CONTESTED),
    (failed("set adopt = true [SYNC-0360]"), (ADA,), False, AdoptionOutcome.NOT_ADOPTED),
    (failed("userName is also wanted by 2 [SYNC-0341]"), (), False, AdoptionOutcome.FAILED),
    (failed("too long [SYNC-0450]"), (ADA,), False, AdoptionOutcome.FAILED),
    # actions = { update = false } and { create = false }
    (None, (ADA,), False, AdoptionOutcome.NOT_ADOPTED),
    (None, (), False, AdoptionOutcome.NOT_CREATED),
]


@pytest.mark.parametrize(("planned", "found", "is_linked", "outcome"), OUTCOMES)
def test_the_outcome_follows_from_the_plan_and_what_was_found(
    planned: Operation | None,
    found: tuple[ExistingAccount, ...],
    is_linked: bool,
    outcome: AdoptionOutcome,
) -> None:
    assert outcome_of(planned, found, is_linked=is_linked) is outcome


def test_a_leaver_with_one_protected_account_is_protected() -> None:
    assert leaver_outcome([GUARDED]) is AdoptionOutcome.PROTECTED
    assert leaver_outcome([ADA]) is AdoptionOutcome.LEAVER
    assert leaver_outcome([ADA, GUARDED]) is AdoptionOutcome.LEAVER


def test_an_account_is_read_whatever_a_target_shows() -> None:
    odd = {
        "ID": 7,
        "username": " ada ",
        "displayName": "",
        "Name": {"givenName": "Ada", "familyName": None, "formatted": 3},
        "emails": [{"value": "a@example.com"}, "b@example.com", {"value": ["x"]}, 5, None],
        "active": "False",
        "meta": "none",
        "externalId": True,
    }
    read = existing_account(odd, None)

    assert (read.remote_id, read.user_name, read.name) == ("7", "ada", "Ada")
    assert read.emails == ("a@example.com", "b@example.com", "5")
    assert (read.active, read.external_id, read.created) == (False, None, None)
    assert existing_account({}, None) == ExistingAccount(RemoteId(""))


DIFFERENCES = [
    ("Ada@Example.com", "ada@example.com", "in upper and lower case only"),
    ("Ada  Lovelace", "Ada Lovelace", "in white space only"),
    (
        "ada@old.example.com",
        "Ada@example.com",
        "in the domain only: old.example.com and example.com",
    ),
    ("ada", "ada@example.com", "in the part from the @ on, which one of them lacks"),
    ("Lovelace, Ada", "Ada Lovelace", "in the order of the words only"),
    ("Ada", "Grace", None),
    ("ada@example.com", "grace@example.com", None),
    ([{"value": "x"}], "x", None),
    (True, False, None),
]


@pytest.mark.parametrize(("before", "after", "how"), DIFFERENCES)
def test_a_difference_is_named_by_what_the_values_share(
    before: object, after: object, how: str | None
) -> None:
    assert how_different(Change("userName", before, after)) == how


def adopted(*changes: Change, outcome: AdoptionOutcome = AdoptionOutcome.MATCH) -> UserRow:
    """Return a user whose account is taken over with some changes."""
    return UserRow(outcome, Key("1"), accounts=(ADA,), changes=changes)


def test_an_attribute_that_differs_in_most_accounts_is_reported_once() -> None:
    case = [adopted(Change("userName", f"Ada{n}", f"ada{n}")) for n in range(9)]
    other = adopted(Change("userName", "x", "y"), Change("title", "a", "b"))
    keys = [adopted(Change("externalId", f"00u{n}", f"{n}")) for n in range(5)]

    (found,) = usual_differences([*case, other, *keys])

    assert (found.path, found.number, found.total) == ("userName", 10, 15)
    assert found.how == "in upper and lower case only"
    assert found.examples[0] == ("Ada0", "ada0")
    assert list(usual_differences([*case[:2], adopted(), adopted()])) == []
    assert list(usual_differences([*case[:3], *(adopted() for _ in range(3))])) == []


RESEMBLING = [
    # an e-mail address alone does
    (account("x", emails=[{"value": "ADA@example.com"}]), True, ["e-mail address"]),
    # a name alone does only where the user has no account
    (account("x", displayName="lovelace, Ada"), False, ["name"]),
    (account("x", displayName="lovelace, Ada"), True, None),
    (account("ada@old.example.com"), False, ["part before the @"]),
    (
        account("ada@old.example.com", displayName="Ada Lovelace"),
        True,
        ["name", "part before the @"],
    ),
    (account("al"), False, None),
    (account("grace@example.com"), False, None),
]


@pytest.mark.parametrize(("held", "surely", "shared"), RESEMBLING)
def test_an_account_resembles_a_user_by_what_they_share(
    held: ExistingAccount, surely: bool, shared: list[str] | None
) -> None:
    ada = {
        "userName": "ada",
        "name.givenName": "Ada",
        "name.familyName": "Lovelace",
        'emails[type eq "work"].value': "ada@example.com",
    }

    found = Unclaimed([held]).like(marks_of_document(ada), surely=surely)

    assert [list(one.shared) for one in found] == ([] if shared is None else [shared])


def test_a_common_name_resembles_nobody() -> None:
    many = [account(f"user{n}", displayName="Ada Lovelace") for n in range(4)]

    assert Unclaimed(many).like(marks_of_document({"displayName": "Ada Lovelace"})) == ()


def test_filters_cover_accounts_of_programs_and_no_one_else() -> None:
    unmatched = [
        account("svc-backup"),
        account("svc-ci@example.com"),
        account("payroll-bot@example.com"),
        account("admin@example.com"),
        account("ann.abel@example.com"),
        account("test.user"),
        account("crawler", userType="Bot"),
        account('root_"x"'),
    ]
    others = [account("test.rossi@example.com")]  # whose name begins like that of a test

    found = {one.text: one.examples for one in suggested_filters(unmatched, others)}

    assert found == {
        'userName sw "svc-"': ("svc-backup", "svc-ci@example.com"),
        'userName co "-bot@"': ("payroll-bot@example.com",),
        'userName eq "admin@example.com"': ("admin@example.com",),
        'userName eq "test.user"': ("test.user",),
        'userType eq "Bot"': ("crawler",),
        'userName sw "root_"': ('root_"x"',),
    }
    assert toml_filter('userName sw "svc-"') == "'userName sw \"svc-\"'"
    assert toml_filter('userName eq "o\'hara"') == '"userName eq \\"o\'hara\\""'


def test_a_filter_counts_all_accounts_and_names_the_first() -> None:
    unmatched = [account(f"test.{n}") for n in range(7)] + [account(f"svc-{n}") for n in range(7)]
    others = [account("test.rossi"), account("test.3")]

    *single, wide = suggested_filters(unmatched, others)

    assert (wide.text, wide.number) == ('userName sw "svc-"', 7)
    assert wide.examples == ("svc-0", "svc-1", "svc-2", "svc-3", "svc-4")
    assert [one.text for one in single] == [f'userName eq "test.{n}"' for n in (0, 1, 2, 4, 5, 6)]


def test_more_weak_matches_than_allowed_need_an_option() -> None:
    rows = [adopted(outcome=AdoptionOutcome.WEAK_MATCH) for _ in range(7)]

    few, many = (
        suggestions(Facts("wiki", UserRows(some), GroupRows(), Listing(7), adoptions_allowed=5))[0]
        for some in (rows[:5], rows)
    )

    assert (few.topic, few.setting) == (Topic.WEAK, None)
    assert many.setting == "scimsync push --allow-adoptions 7"
    assert many.examples[-1] == "and 2 more"


def test_an_application_in_good_order_needs_no_suggestion() -> None:
    rows = [
        adopted(),
        UserRow(AdoptionOutcome.CREATE, Key("2")),
        UserRow(AdoptionOutcome.LINKED, Key("3")),
    ]

    assert (
        suggestions(Facts("wiki", UserRows(rows), GroupRows(), Listing(1), adoptions_allowed=5))
        == ()
    )
