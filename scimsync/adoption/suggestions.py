"""What a person should decide before the first push, from the rows of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from scimsync.adoption.lookalikes import LOCAL_PART
from scimsync.adoption.report import EXAMPLES, Listing, Suggestion, Topic
from scimsync.adoption.row_files import GroupRows, Trait, UserRows
from scimsync.adoption.rows import AdoptionOutcome, GroupRow, UserRow
from scimsync.adoption.service_accounts import suggested_filters
from scimsync.adoption.unfit_mappings import how_different, usual_differences
from scimsync.desired.groups import name_of
from scimsync.formatting import plural
from scimsync.jsontext import json_text
from scimsync.model.changes import Change
from scimsync.plan.document_diff import short_path
from scimsync.plan.requests import shown
from scimsync.tomltext import toml_string, toml_value

_ADOPTED = (AdoptionOutcome.MATCH, AdoptionOutcome.WEAK_MATCH)


@dataclass(frozen=True, slots=True)
class Facts:
    """What suggestions about one target are made from.

    `adoptions_allowed` is how many weak matches `max_adoptions` allows. `protect` are the filters
    that sync.toml has. `hides` says why the target hides accounts, or is None. `group_match` has
    `match` of each group table.
    """

    target: str
    users: UserRows
    groups: GroupRows
    listing: Listing
    adoptions_allowed: int
    protect: Sequence[str] = ()
    hides: str | None = None
    group_match: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Examples:
    """How many users, accounts, or groups there are, the first of them, and how many more."""

    number: int
    texts: tuple[str, ...]


def suggestions(facts: Facts) -> tuple[Suggestion, ...]:
    """Return what to decide, in the order of `Topic`."""
    found = [one for rule in _RULES for one in rule(facts)]
    return tuple(sorted(found, key=lambda one: list(Topic).index(one.topic)))


def _list(facts: Facts) -> Iterator[Suggestion]:
    if facts.hides is not None:
        yield Suggestion(Topic.LIST, f"{facts.hides}, so there may be unseen accounts")
    if facts.listing.problem is not None:
        yield Suggestion(
            Topic.LIST,
            "the list of accounts may be incomplete, so that it does not prove who has no"
            f" account: {facts.listing.problem}; users missing from it were searched for by filter",
        )


def _mapping(facts: Facts) -> Iterator[Suggestion]:
    """Yield the remark that users without a match resemble accounts without a record."""
    missing = facts.users.select(AdoptionOutcome.CREATE, trait=Trait.RESEMBLES)
    some = _some(
        f"{row.key} and {row.resembles[0].account.label}"
        f" (same {', '.join(row.resembles[0].shared)})"
        for row in missing
    )
    if not some.number:
        return
    number = plural(some.number, "user")
    text = (
        f"{number} would get a new account, and may have one already that no record matches; if"
        " they do, change match or the mapping"
    )
    how = _only(map(_how_user_names_differ, missing))
    if some.number > 1 and how is not None:
        text += f": userName differs {how}"
    yield Suggestion(Topic.MAPPING, text, examples=some.texts)


def _how_user_names_differ(row: UserRow) -> str | None:
    alike = row.resembles[0]
    if LOCAL_PART not in alike.shared and row.user_name is None:
        return None
    return how_different(Change("userName", alike.account.user_name, row.user_name))


def _ambiguous(facts: Facts) -> Iterator[Suggestion]:
    some = _some(
        f"{row.key}: {', '.join(account.label for account in row.accounts)}"
        for row in facts.users.select(AdoptionOutcome.AMBIGUOUS)
    )
    if some.number:
        yield Suggestion(
            Topic.AMBIGUOUS,
            f"{plural(some.number, 'user matches', 'users match')} several accounts, and nothing is"
            " sent about them; delete or rename all but one account, or set externalId of the right"
            " one to the user's",
            examples=some.texts,
        )


def _contested(facts: Facts) -> Iterator[Suggestion]:
    some = _some(map(_user_and_account, facts.users.select(AdoptionOutcome.CONTESTED)))
    if some.number:
        yield Suggestion(
            Topic.CONTESTED,
            f"{plural(some.number, 'user matches', 'users match')} an account that belongs to"
            " another user, and nothing is sent about them; look for two records of one person, or"
            " for a shared address",
            examples=some.texts,
        )


def _weak(facts: Facts) -> Iterator[Suggestion]:
    some = _some(map(_user_and_account, facts.users.select(AdoptionOutcome.WEAK_MATCH)))
    if not some.number:
        return
    number, allowed = some.number, facts.adoptions_allowed
    whose = "account it is" if number == 1 else "accounts they are"
    text = f"{plural(number, 'match is', 'matches are')} weak: check whose {whose}"
    if number > allowed:
        text += f"; a push takes over {allowed} without being asked, and otherwise stops"
    yield Suggestion(
        Topic.WEAK,
        text,
        f"scimsync push --allow-adoptions {number}" if number > allowed else None,
        some.texts,
    )


def _differs(facts: Facts) -> Iterator[Suggestion]:
    for one in usual_differences(facts.users.select(*_ADOPTED)):
        how = "" if one.how is None else f" {one.how}"
        yield Suggestion(
            Topic.DIFFERS,
            f"{short_path(one.path)} differs{how} in {one.number:,} of {one.total:,} accounts that"
            " match, and would be overwritten; if the values in the "
            "application are right, change the mapping",
            examples=tuple(map(_example, one.examples)),
        )


def _external_id(facts: Facts) -> Iterator[Suggestion]:
    some = _some(
        f"{row.key}: {_example((change.before, change.after))}"
        for row in facts.users.select(*_ADOPTED, trait=Trait.OVERWRITES)
        for change in row.overwritten
        if change.path == "externalId"
    )
    if some.number:
        yield Suggestion(
            Topic.EXTERNAL_ID,
            f"{plural(some.number, 'account has', 'accounts have')} an externalId of another"
            " system, which would be overwritten; stop the provisioning of that system first",
            examples=some.texts,
        )


def _reactivated(facts: Facts) -> Iterator[Suggestion]:
    some = _some(map(_user_and_account, facts.users.select(trait=Trait.REACTIVATES)))
    if some.number:
        yield Suggestion(
            Topic.REACTIVATED,
            f"{plural(some.number, 'account is', 'accounts are')} deactivated, and would be"
            " reactivated",
            examples=some.texts,
        )


def _duplicates(facts: Facts) -> Iterator[Suggestion]:
    some = _some(
        f"{_user_and_account(row)} and {row.resembles[0].account.label}"
        f" (same {', '.join(row.resembles[0].shared)})"
        for row in facts.users.select(trait=Trait.RESEMBLES)
        if row.outcome is not AdoptionOutcome.CREATE
    )
    if some.number:
        yield Suggestion(
            Topic.DUPLICATES,
            f"{plural(some.number, 'user')} may have a second account that no record matches, and"
            " that scimsync leaves alone",
            examples=some.texts,
        )


def _leavers(facts: Facts) -> Iterator[Suggestion]:
    some = _some(
        _user_and_account(row)
        for row in facts.users.select(AdoptionOutcome.LEAVER)
        if any(account.active is not False for account in row.accounts)
    )
    if some.number:
        yield Suggestion(
            Topic.LEAVERS,
            f"{plural(some.number, 'leaver has', 'leavers have')} an active account",
            examples=some.texts,
        )


def _protect(facts: Facts) -> Iterator[Suggestion]:
    filters = suggested_filters(facts.users.unmatched(), facts.users.matched())
    if filters:
        number = sum(one.number for one in filters)
        texts = [*facts.protect, *(one.text for one in filters)]
        yield Suggestion(
            Topic.PROTECT,
            f"{plural(number, 'account')} that no record matches may belong to"
            f" {'a program' if number == 1 else 'programs'}; to keep"
            f" {'it' if number == 1 else 'them'} out of reach, in [targets.{facts.target}]",
            f"protect = [{', '.join(map(toml_filter, texts))}]",
            _first((name for one in filters for name in one.examples), number),
        )


def _protected(facts: Facts) -> Iterator[Suggestion]:
    some = _some(
        f"{_user_and_account(row)}, by {row.accounts[0].protected_by}"
        for row in facts.users.select(AdoptionOutcome.PROTECTED)
        if row.key is not None
    )
    if some.number:
        yield Suggestion(
            Topic.PROTECTED,
            f"{plural(some.number, 'user matches', 'users match')} an account that protect keeps as"
            " it is; narrow the filter if the account is theirs",
            examples=some.texts,
        )


def _groups(facts: Facts) -> Iterator[Suggestion]:
    rows = facts.groups.select(AdoptionOutcome.NOT_ADOPTED)
    for table in dict.fromkeys(name_of(row.key) for row in rows if row.key is not None):
        found: dict[str, None] = {}
        named = _some(_names_in(table, rows, found))
        yield Suggestion(
            Topic.GROUPS,
            f"{plural(named.number, 'group')} of [targets.{facts.target}.groups.{table}]"
            f" {'exists' if named.number == 1 else 'exist'} already, and would fail; to take"
            f" {'it' if named.number == 1 else 'them'} over, add to this table",
            _adopting(facts.group_match.get(table, ()), found),
            named.texts,
        )


def _names_in(table: str, rows: Iterable[GroupRow], found: dict[str, None]) -> Iterator[str]:
    """Yield the names of the groups of a table, and add to `found` what they match by."""
    for row in rows:
        if row.key is not None and name_of(row.key) == table:
            found.update(dict.fromkeys(row.matched))
            yield row.name


def _unwanted_members(facts: Facts) -> Iterator[Suggestion]:
    for row in facts.groups:
        if row.removed:
            yield Suggestion(
                Topic.UNWANTED_MEMBERS,
                f"{plural(len(row.removed), 'member')} of the group {row.name} would be taken out,"
                " who match no rule",
                examples=_some(member.label for member in row.removed).texts,
            )


_RULES: tuple[Callable[[Facts], Iterable[Suggestion]], ...] = (
    _list,
    _mapping,
    _ambiguous,
    _contested,
    _weak,
    _differs,
    _external_id,
    _reactivated,
    _duplicates,
    _leavers,
    _protect,
    _protected,
    _groups,
    _unwanted_members,
)


def _adopting(match: Sequence[str], found: Iterable[str]) -> str:
    """Return the lines of a group table by which it takes over what was found by `found`."""
    missing = [path for path in found if path not in match]
    if not match or not missing:
        return "adopt = true"
    return f"adopt = true\nmatch = {toml_value([*match, *missing])}"


def toml_filter(text: str) -> str:
    """Return a SCIM filter as a TOML string, as people write it: in single quotes."""
    literal = '"' in text and "'" not in text and text.isprintable()
    return f"'{text}'" if literal else toml_string(text)


def _user_and_account(row: UserRow) -> str:
    return f"{row.key}: {'' if row.account is None else row.account.label}"


def _example(pair: tuple[object, object]) -> str:
    before, after = (json_text(shown(value)) for value in pair)
    return f"{before} → {after}"


def _some(texts: Iterable[str]) -> _Examples:
    """Return the number of texts, and the first of them."""
    number = 0
    first: list[str] = []
    for number, text in enumerate(texts, 1):
        if number <= EXAMPLES:
            first.append(text)
    return _Examples(number, _first(first, number))


def _first(texts: Iterable[str], number: int) -> tuple[str, ...]:
    """Return the first of `number` texts, and the number of the others as the last one."""
    first = tuple(islice(texts, EXAMPLES))
    more = number - len(first)
    return (*first, f"and {more:,} more") if more > 0 else first


def _only(values: Iterable[str | None]) -> str | None:
    """Return the value that all have, or None if two differ."""
    found: set[str | None] = set()
    for value in values:
        found.add(value)
        if len(found) > 1:
            return None
    return found.pop() if found else None
