"""What a person should decide before the first push, from the rows of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scimsync.adoption.lookalikes import LOCAL_PART
from scimsync.adoption.report import AdoptionOutcome, GroupRow, Listing, Suggestion, Topic, UserRow
from scimsync.adoption.service_accounts import suggested_filters
from scimsync.adoption.unfit_mappings import AttributeDifference, how_different, usual_differences
from scimsync.desired.groups import name_of
from scimsync.formatting import plural
from scimsync.jsontext import json_text
from scimsync.model.changes import Change
from scimsync.plan.document_diff import short_path
from scimsync.plan.requests import shown
from scimsync.tomltext import toml_string, toml_value

EXAMPLES = 5
"""The number of users or accounts that a suggestion names."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What suggestions about one target are made from.

    `adoptions_allowed` is how many weak matches `max_adoptions` allows. `protect` are the filters
    that sync.toml has. `hides` says why the target hides accounts, or is None. `group_match` has
    `match` of each table of groups.
    """

    target: str
    users: Sequence[UserRow]
    groups: Sequence[GroupRow]
    listing: Listing
    adoptions_allowed: int
    protect: Sequence[str] = ()
    hides: str | None = None
    group_match: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def with_outcome(self, *outcomes: AdoptionOutcome) -> list[UserRow]:
        """Return the rows of users with one of `outcomes`, in order."""
        return [row for row in self.users if row.outcome in outcomes]


def suggestions(facts: Facts) -> tuple[Suggestion, ...]:
    """Return what to decide, in the order of `Topic`."""
    found = [one for rule in _RULES for one in rule(facts)]
    return tuple(sorted(found, key=lambda one: list(Topic).index(one.topic)))


def _list(facts: Facts) -> Iterator[Suggestion]:
    if facts.hides is not None:
        yield Suggestion(Topic.LIST, f"{facts.hides}, so that accounts may exist unseen")
    if facts.listing.problem is not None:
        yield Suggestion(
            Topic.LIST,
            "the list of accounts is not shown to be whole, so that it does not prove who has no"
            f" account: {facts.listing.problem}; users whom it lacks were searched for by filter",
        )


def _mapping(facts: Facts) -> Iterator[Suggestion]:
    """Yield the remark that users without a match resemble accounts without a record."""
    missing = [row for row in facts.with_outcome(AdoptionOutcome.CREATE) if row.resembles]
    if not missing:
        return
    number = plural(len(missing), "user")
    text = (
        f"{number} would get a new account, and may have one already that no record matches; if"
        " they do, change match or the mapping"
    )
    hows = {_how_user_names_differ(row) for row in missing}
    if len(missing) > 1 and len(hows) == 1 and (how := hows.pop()) is not None:
        text += f": userName differs {how}"
    yield Suggestion(
        Topic.MAPPING,
        text,
        examples=_some(
            f"{row.key} and {row.resembles[0].account.label}"
            f" (same {', '.join(row.resembles[0].shared)})"
            for row in missing
        ),
    )


def _how_user_names_differ(row: UserRow) -> str | None:
    alike = row.resembles[0]
    if LOCAL_PART not in alike.shared and row.user_name is None:
        return None
    return how_different(Change("userName", alike.account.user_name, row.user_name))


def _ambiguous(facts: Facts) -> Iterator[Suggestion]:
    rows = facts.with_outcome(AdoptionOutcome.AMBIGUOUS)
    if rows:
        yield Suggestion(
            Topic.AMBIGUOUS,
            f"{plural(len(rows), 'user matches', 'users match')} several accounts, and nothing is"
            " sent about them; delete or rename all but one account, or set externalId of the right"
            " one to the user's",
            examples=_some(
                f"{row.key}: {', '.join(account.label for account in row.accounts)}" for row in rows
            ),
        )


def _contested(facts: Facts) -> Iterator[Suggestion]:
    rows = facts.with_outcome(AdoptionOutcome.CONTESTED)
    if rows:
        yield Suggestion(
            Topic.CONTESTED,
            f"{plural(len(rows), 'user matches', 'users match')} an account that belongs to another"
            " user, and nothing is sent about them; look for two records of one person, or for a"
            " shared address",
            examples=_some(f"{row.key}: {_label(row)}" for row in rows),
        )


def _weak(facts: Facts) -> Iterator[Suggestion]:
    rows = facts.with_outcome(AdoptionOutcome.WEAK_MATCH)
    if not rows:
        return
    number, allowed = len(rows), facts.adoptions_allowed
    whose = "account it is" if number == 1 else "accounts they are"
    text = f"{plural(number, 'match is', 'matches are')} weak: check whose {whose}"
    if number > allowed:
        text += f"; a push takes over {allowed} without being asked, and stops otherwise"
    yield Suggestion(
        Topic.WEAK,
        text,
        f"scimsync push --allow-adoptions {number}" if number > allowed else None,
        _some(f"{row.key}: {_label(row)}" for row in rows),
    )


def _differs(facts: Facts) -> Iterator[Suggestion]:
    for one in usual_differences(facts.users):
        how = "" if one.how is None else f" {one.how}"
        yield Suggestion(
            Topic.DIFFERS,
            f"{short_path(one.path)} differs{how} in {one.number:,} of {one.total:,} accounts that"
            " match, and would be overwritten; if the application has it right, change the mapping",
            examples=tuple(map(_example, one.examples))
            if isinstance(one, AttributeDifference)
            else (),
        )


def _external_id(facts: Facts) -> Iterator[Suggestion]:
    rows = [
        (row, change)
        for row in facts.with_outcome(AdoptionOutcome.MATCH, AdoptionOutcome.WEAK_MATCH)
        for change in row.overwritten
        if change.path == "externalId"
    ]
    if rows:
        yield Suggestion(
            Topic.EXTERNAL_ID,
            f"{plural(len(rows), 'account has', 'accounts have')} an externalId of another system,"
            " which would be overwritten; stop the provisioning of that system first",
            examples=_some(f"{row.key}: {_example((one.before, one.after))}" for row, one in rows),
        )


def _reactivated(facts: Facts) -> Iterator[Suggestion]:
    rows = [row for row in facts.users if row.is_reactivated]
    if rows:
        yield Suggestion(
            Topic.REACTIVATED,
            f"{plural(len(rows), 'account is', 'accounts are')} deactivated, and would be"
            " reactivated",
            examples=_some(f"{row.key}: {_label(row)}" for row in rows),
        )


def _duplicates(facts: Facts) -> Iterator[Suggestion]:
    rows = [
        row for row in facts.users if row.resembles and row.outcome is not AdoptionOutcome.CREATE
    ]
    if rows:
        yield Suggestion(
            Topic.DUPLICATES,
            f"{plural(len(rows), 'user')} may have a second account that no record matches, and"
            " that scimsync leaves alone",
            examples=_some(
                f"{row.key}: {_label(row)} and {row.resembles[0].account.label}"
                f" (same {', '.join(row.resembles[0].shared)})"
                for row in rows
            ),
        )


def _leavers(facts: Facts) -> Iterator[Suggestion]:
    rows = [
        row
        for row in facts.with_outcome(AdoptionOutcome.LEAVER)
        if any(account.active is not False for account in row.accounts)
    ]
    if rows:
        yield Suggestion(
            Topic.LEAVERS,
            f"{plural(len(rows), 'leaver has', 'leavers have')} an active account",
            examples=_some(f"{row.key}: {_label(row)}" for row in rows),
        )


def _protect(facts: Facts) -> Iterator[Suggestion]:
    unmatched = [row.accounts[0] for row in facts.with_outcome(AdoptionOutcome.UNMATCHED)]
    others = [
        account
        for row in facts.users
        if row.outcome not in (AdoptionOutcome.UNMATCHED, AdoptionOutcome.PROTECTED)
        for account in row.accounts
    ]
    filters = suggested_filters(unmatched, others)
    if filters:
        number = sum(len(one.covered) for one in filters)
        texts = [*facts.protect, *(one.text for one in filters)]
        yield Suggestion(
            Topic.PROTECT,
            f"{plural(number, 'account')} that no record matches may belong to"
            f" {'a program' if number == 1 else 'programs'}; to keep"
            f" {'it' if number == 1 else 'them'} out of reach, in [targets.{facts.target}]",
            f"protect = [{', '.join(map(toml_filter, texts))}]",
            _some(name for one in filters for name in one.covered),
        )


def _protected(facts: Facts) -> Iterator[Suggestion]:
    rows = [row for row in facts.with_outcome(AdoptionOutcome.PROTECTED) if row.key is not None]
    if rows:
        yield Suggestion(
            Topic.PROTECTED,
            f"{plural(len(rows), 'user matches', 'users match')} an account that protect keeps as"
            " it is; narrow the filter if the account is theirs",
            examples=_some(
                f"{row.key}: {_label(row)}, by {row.accounts[0].protected_by}" for row in rows
            ),
        )


def _groups(facts: Facts) -> Iterator[Suggestion]:
    rows = [row for row in facts.groups if row.outcome is AdoptionOutcome.NOT_ADOPTED]
    for table in dict.fromkeys(name_of(row.key) for row in rows if row.key is not None):
        some = [row for row in rows if row.key is not None and name_of(row.key) == table]
        named = [row.name for row in some]
        yield Suggestion(
            Topic.GROUPS,
            f"{plural(len(named), 'group')} of [targets.{facts.target}.groups.{table}]"
            f" {'exists' if len(named) == 1 else 'exist'} already, and would fail; to take"
            f" {'it' if len(named) == 1 else 'them'} over, add to this table",
            _adopting(facts.group_match.get(table, ()), some),
            _some(named),
        )


def _unwanted_members(facts: Facts) -> Iterator[Suggestion]:
    for row in facts.groups:
        if row.removed:
            yield Suggestion(
                Topic.UNWANTED_MEMBERS,
                f"{plural(len(row.removed), 'member')} of the group {row.name} would be taken out,"
                " whom no rule wants there",
                examples=_some(member.label for member in row.removed),
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


def _adopting(match: Sequence[str], rows: Iterable[GroupRow]) -> str:
    """Return the lines of a group table by which it takes over the groups that were found."""
    found = dict.fromkeys(path for row in rows for path in row.matched)
    missing = [path for path in found if path not in match]
    if not match or not missing:
        return "adopt = true"
    return f"adopt = true\nmatch = {toml_value([*match, *missing])}"


def toml_filter(text: str) -> str:
    """Return a SCIM filter as a TOML string, as people write it: in single quotes."""
    literal = '"' in text and "'" not in text and text.isprintable()
    return f"'{text}'" if literal else toml_string(text)


def _label(row: UserRow) -> str:
    account = row.account
    return "" if account is None else account.label


def _example(pair: tuple[object, object]) -> str:
    before, after = (json_text(shown(value)) for value in pair)
    return f"{before} → {after}"


def _some(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the first texts, and the number of the others as the last one."""
    found = list(texts)
    more = len(found) - EXAMPLES
    return (*found[:EXAMPLES], f"and {more:,} more") if more > 0 else tuple(found)
