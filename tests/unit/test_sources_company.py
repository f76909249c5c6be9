"""The made-up company has what the tests of sources rely on."""

from __future__ import annotations

from tests.sources_company import company


def test_the_same_arguments_give_the_same_company() -> None:
    assert company() == company()
    assert company(500, 10).people[0] == company().people[0]


def test_people_have_unique_keys_and_user_names() -> None:
    people = company().people

    assert len(people) == 2_000
    assert len({person.key for person in people}) == 2_000
    assert len({person.email for person in people}) == 2_000
    assert all(person.email.isascii() and "'" not in person.email for person in people)
    assert all(person.key.startswith("00") and person.key.isdigit() for person in people)
    assert any("'" in person.family_name for person in people)
    assert any("ü" in person.family_name for person in people)


def test_managers_form_a_tree_of_active_people() -> None:
    people = company().people
    by_key = company().by_key()

    assert [person.key for person in people if person.manager is None] == [people[0].key]
    for person in people[1:]:
        assert person.manager is not None
        assert person.manager < person.key
        assert by_key[person.manager].active


def test_about_three_in_a_hundred_have_left() -> None:
    whole = company()

    assert 50 <= len(whole.people) - len(whole.active) <= 70
    assert all((person.end is None) == person.active for person in whole.people)


def test_groups_hold_active_people() -> None:
    whole = company()
    active = {person.key for person in whole.active}

    assert len(whole.groups) == 60
    assert len({group.name for group in whole.groups}) == 60
    assert set(whole.groups[0].members) == active
    assert whole.groups[1].members == ()
    assert all(group.members for group in whole.groups[2:])
    assert all(active.issuperset(group.members) for group in whole.groups)
