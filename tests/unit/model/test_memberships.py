"""Which memberships a user has whose account moves to another key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import Membership, moved_memberships

OLD, NEW = Key("C17"), Key("E9")
HELD = Membership(Key("teams:T1"), Kind.USER, OLD, wanted=True, acknowledged=True)
NAMED = Membership(Key("teams:T1"), Kind.USER, NEW, wanted=True, acknowledged=False)
UNWANTED = replace(HELD, wanted=False)

MOVED = {
    "the group names the old key": ([HELD], True),
    "the group names the new key, and the old one is not removed yet": ([UNWANTED, NAMED], True),
    "the group names both": ([HELD, NAMED], True),
    "the group names neither": ([UNWANTED], False),
}


@pytest.mark.parametrize("case", MOVED)
def test_a_group_wants_a_moved_account_if_it_names_either_key(case: str) -> None:
    before, is_wanted = MOVED[case]

    moved = {row.member: row for row in moved_memberships(before, {OLD: NEW})}

    assert moved[NEW] == replace(HELD, member=NEW, wanted=is_wanted)
    assert (moved[OLD].wanted, moved[OLD].acknowledged) == (False, False)
