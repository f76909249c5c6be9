"""Filters for `protect` that cover accounts of programs, as their names and types suggest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from scimsync.adoption.existing_accounts import ExistingAccount
from scimsync.adoption.report import EXAMPLES
from scimsync.model.ids import fold_case
from scimsync.scim.filter_matching import matches
from scimsync.scim.filters import parse_filter

_WORDS = (
    "admin", "administrator", "api", "app", "audit", "automation", "backup", "batch", "bot",
    "breakglass", "break-glass", "build", "ci", "daemon", "demo", "deploy", "emergency",
    "helpdesk", "import", "info", "integration", "job", "mailer", "monitoring", "no-reply",
    "noreply", "owner", "postmaster", "provisioning", "robot", "root", "scanner", "scim", "service",
    "serviceaccount", "shared", "srv", "support", "svc", "sync", "sysadmin", "system", "test",
    "webhook", "webmaster",
)  # fmt: skip
"""Words by which the accounts of programs, and those for emergencies, are called."""

_TYPES = frozenset({"api", "application", "bot", "integration", "machine", "robot", "service"})

_PREFIX = re.compile(rf"({'|'.join(_WORDS)})[-_.+]", re.IGNORECASE)
_SUFFIX = re.compile(rf"[-_.+]({'|'.join(_WORDS)})(?=@|$)", re.IGNORECASE)

_MOST_NAMED = 20
"""The number of filters for single accounts that are suggested."""


@dataclass(frozen=True, slots=True)
class ProtectFilter:
    """A SCIM filter, the number of accounts without a record that it covers, and some userNames."""

    text: str
    number: int
    examples: tuple[str, ...]


@dataclass(slots=True)
class _Covered:
    number: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, label: str) -> None:
        self.number += 1
        if self.number <= EXAMPLES:
            self.examples.append(label)


def suggested_filters(
    unmatched: Iterable[ExistingAccount], others: Iterable[ExistingAccount]
) -> tuple[ProtectFilter, ...]:
    """Return filters that cover service-like accounts of `unmatched`, and none of `others`.

    Both are read several times.
    """
    harmless = _judged(unmatched, others)
    covered: dict[str, _Covered] = {}
    for account in unmatched:
        text = next((text for text in _candidates(account) if harmless[text]), None)
        if text is not None:
            covered.setdefault(text, _Covered()).add(account.label)
    single = [text for text, one in covered.items() if " eq " in text and one.number == 1]
    left_out = frozenset(single[_MOST_NAMED:])
    return tuple(
        ProtectFilter(text, one.number, tuple(one.examples))
        for text, one in covered.items()
        if text not in left_out
    )


def _judged(
    unmatched: Iterable[ExistingAccount], others: Iterable[ExistingAccount]
) -> dict[str, bool]:
    """Return which filters cover none of `others`: for each account, up to the first such one.

    `others` are read once for all filters of the same width.
    """
    harmless: dict[str, bool] = {}
    while texts := {
        text for account in unmatched for text in _first_unjudged(_candidates(account), harmless)
    }:
        harmful = _covering_any(texts, others)
        harmless |= {text: text not in harmful for text in texts}
    return harmless


def _first_unjudged(candidates: Iterable[str], harmless: Mapping[str, bool]) -> Iterator[str]:
    """Yield the first filter, if any, that decides whether an account is covered."""
    for text in candidates:
        if text not in harmless:
            yield text
        if harmless.get(text, True):
            return


def _candidates(account: ExistingAccount) -> Iterator[str]:
    """Yield filters that cover a service-like account, the widest first."""
    if account.user_type is not None and fold_case(account.user_type) in _TYPES:
        yield f"userType eq {_quoted(account.user_type)}"
    name = account.user_name
    if name is None:
        return
    local, at, _ = name.partition("@")
    prefix, suffix = _PREFIX.match(local), _SUFFIX.search(local)
    if prefix is not None:
        yield f"userName sw {_quoted(prefix[0])}"
    elif suffix is not None and suffix.end() == len(local):
        operator = "co" if at else "ew"
        yield f"userName {operator} {_quoted(suffix[0] + at)}"
    if prefix is not None or suffix is not None or fold_case(local) in _WORDS:
        yield f"userName eq {_quoted(name)}"


def _covering_any(texts: Iterable[str], accounts: Iterable[ExistingAccount]) -> set[str]:
    """Return those of `texts`, filters, that cover an account."""
    left = {text: parse_filter(text) for text in texts}
    found: set[str] = set()
    for account in accounts:
        shown = {"userName": account.user_name, "userType": account.user_type}
        covering = [text for text, condition in left.items() if matches(condition, shown)]
        found.update(covering)
        for text in covering:
            del left[text]
        if not left:
            break
    return found


def _quoted(text: str) -> str:
    return json.dumps(text)
