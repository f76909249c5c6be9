"""Filters for `protect` that cover accounts of programs, as their names and types suggest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from scimsync.adoption.existing_accounts import ExistingAccount
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
    """A SCIM filter, and the userNames of the accounts without a record that it covers."""

    text: str
    covered: tuple[str, ...]


def suggested_filters(
    unmatched: Iterable[ExistingAccount], others: Sequence[ExistingAccount]
) -> tuple[ProtectFilter, ...]:
    """Return filters that cover service-like accounts of `unmatched`, and none of `others`."""
    covered: dict[str, list[str]] = {}
    harmless: dict[str, bool] = {}
    for account in unmatched:
        for text in _candidates(account):
            if text not in harmless:
                harmless[text] = not _covers_any(text, others)
            if harmless[text]:
                covered.setdefault(text, []).append(account.label)
                break
    single = [text for text in covered if " eq " in text and len(covered[text]) == 1]
    left_out = frozenset(single[_MOST_NAMED:])
    return tuple(
        ProtectFilter(text, tuple(accounts))
        for text, accounts in covered.items()
        if text not in left_out
    )


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


def _covers_any(text: str, accounts: Iterable[ExistingAccount]) -> bool:
    condition = parse_filter(text)
    return any(
        matches(condition, {"userName": account.user_name, "userType": account.user_type})
        for account in accounts
    )


def _quoted(text: str) -> str:
    return json.dumps(text)
