"""Whether an account that no record matches still looks like a user's.

A match needs an equal attribute of `match`. This comparison decides nothing: it shows people where
`match` or a mapping may not fit, and where a user may have two accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scimsync.adoption.existing_accounts import ExistingAccount
from scimsync.disk_collections import DiskMap, TemporaryDatabase
from scimsync.model.ids import Document, RemoteId, fold_case

EMAIL = "e-mail address"
NAME = "name"
LOCAL_PART = "part before the @"

_MOST_ALIKE = 3
"""A mark that more accounts have says nothing about one of them, such as a common name."""

_SHORTEST = 3
"""The shortest local part (characters) that counts."""

_Mark = tuple[str, str]

_MARKS = """
CREATE TABLE mark (kind TEXT, text TEXT, remote_id TEXT);
CREATE INDEX by_mark ON mark (kind, text);
"""


@dataclass(frozen=True, slots=True)
class Resemblance:
    """An account that looks like that of a user, and what they have in common."""

    account: ExistingAccount
    shared: tuple[str, ...]


class Unclaimed:
    """The accounts that no record matches, by what they may have in common with users.

    They are in private temporary files.
    """

    def __init__(self, accounts: Iterable[ExistingAccount] = ()) -> None:
        self._accounts: DiskMap[ExistingAccount] = DiskMap()
        self._marks = TemporaryDatabase(_MARKS)
        self.add(accounts)

    def __bool__(self) -> bool:
        return self._marks.is_used

    def add(self, accounts: Iterable[ExistingAccount]) -> None:
        """Add accounts."""
        for account in accounts:
            self._accounts[account.remote_id] = account
            self._marks.connection.executemany(
                "INSERT INTO mark VALUES (?, ?, ?)",
                [(*mark, account.remote_id) for mark in marks_of(account)],
            )

    def like(self, marks: Sequence[_Mark], *, surely: bool = False) -> tuple[Resemblance, ...]:
        """Return the accounts with some of `marks`, those that share more of them first.

        With `surely`, one of these alone does not do, except for an e-mail address.
        """
        shared: dict[RemoteId, list[str]] = {}
        for mark in dict.fromkeys(marks):
            ids = self._with_mark(mark)
            if len(ids) > _MOST_ALIKE:
                continue
            for remote_id in ids:
                what = shared.setdefault(remote_id, [])
                if mark[0] not in what:
                    what.append(mark[0])
        for what in shared.values():
            if EMAIL in what and LOCAL_PART in what:
                what.remove(LOCAL_PART)
        found = [
            Resemblance(self._accounts[remote_id], tuple(what))
            for remote_id, what in shared.items()
            if not surely or EMAIL in what or len(what) > 1
        ]
        return tuple(sorted(found, key=lambda one: (-len(one.shared), one.account.remote_id)))

    def _with_mark(self, mark: _Mark) -> list[RemoteId]:
        """Return the accounts with a mark, and no more of them than count."""
        if not self:
            return []
        rows = self._marks.connection.execute(
            "SELECT remote_id FROM mark WHERE kind = ? AND text = ? LIMIT ?",
            (*mark, _MOST_ALIKE + 1),
        )
        return [RemoteId(remote_id) for (remote_id,) in rows]


def marks_of(account: ExistingAccount) -> list[_Mark]:
    """Return what an account may have in common with a user."""
    return _marks(account.emails, account.user_name, (account.full_name, account.name))


def marks_of_document(document: Document) -> list[_Mark]:
    """Return what a user with a document may have in common with an account."""
    emails: list[str] = []
    for path, value in document.items():
        if path.lower().startswith("emails"):
            emails += _texts(value)
    full_name = f"{document.get('name.givenName', '')} {document.get('name.familyName', '')}"
    user_name, display_name = document.get("userName"), document.get("displayName")
    return _marks(
        emails,
        user_name if isinstance(user_name, str) else None,
        (full_name, display_name if isinstance(display_name, str) else None),
    )


def local_part(text: str) -> str:
    """Return an address without its domain, folded, and any other text as a whole."""
    return fold_case(text.strip().partition("@")[0])


def plain_name(text: str | None) -> str | None:
    """Return the words of a name, folded and in order; None for less than two."""
    words = sorted(fold_case(text or "").replace(",", " ").split())
    return " ".join(words) if len(words) > 1 else None


def _marks(
    emails: Iterable[str], user_name: str | None, names: Iterable[str | None]
) -> list[_Mark]:
    addresses = [fold_case(one.strip()) for one in [*emails, user_name or ""] if "@" in one]
    marks = [(EMAIL, address) for address in addresses]
    marks += [(NAME, plain) for name in names if (plain := plain_name(name)) is not None]
    parts = [local_part(one) for one in [user_name or "", *addresses]]
    return marks + [(LOCAL_PART, part) for part in parts if len(part) >= _SHORTEST]


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    for element in value if isinstance(value, list) else ():
        held = element.get("value") if isinstance(element, dict) else element
        if isinstance(held, str):
            yield held
