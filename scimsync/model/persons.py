"""Whether two documents are of one person, by externalId, userName and names."""

from __future__ import annotations

from collections.abc import Collection, Set
from enum import StrEnum
from typing import Any

from scimsync.model.accounts import IDENTITY
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Kind, fold_name

_USER_NAME = UNIQUE_ATTRIBUTE[Kind.USER]
_FULL_NAME = ("name.familyName", "name.givenName")
_DISPLAY_NAME = "displayName"


class Agreement(StrEnum):
    """The comparison of the names of two documents."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


def can_compare(paths: Collection[str]) -> bool:
    """Return whether a mapping of these paths has names to compare."""
    return _DISPLAY_NAME in paths or all(path in paths for path in _FULL_NAME)


def compare_names(before: Document, after: Document) -> Agreement:
    """Return whether two documents have the names of one user.

    Family and given name, or displayName, must be equal, except for case and spaces. Unknown: the
    documents have neither in common.
    """
    compared = [
        all(_plain(before[path]) == _plain(after[path]) for path in paths)
        for paths in (_FULL_NAME, (_DISPLAY_NAME,))
        if all(path in before and path in after for path in paths)
    ]
    if not compared:
        return Agreement.UNKNOWN
    return Agreement.SAME if any(compared) else Agreement.DIFFERENT


def became_another(before: Document, after: Document) -> bool:
    """Return whether one key now has the names of another user.

    It has if userName, family name and given name all differ; where these are not mapped, if
    userName differs and the two displayNames have no word in common.
    """
    return _differs(_USER_NAME, before, after) and all_names_differ(before, after)


def all_names_differ(before: Document, after: Document) -> bool:
    """Return whether family name and given name both differ.

    Where these are not in both documents, the displayNames must have no word in common.
    """
    if all(path in before and path in after for path in _FULL_NAME):
        return all(_differs(path, before, after) for path in _FULL_NAME)
    if _DISPLAY_NAME not in before or _DISPLAY_NAME not in after:
        return False
    return not _words(before[_DISPLAY_NAME]) & _words(after[_DISPLAY_NAME])


def is_another_user(known: Document, shown: Document) -> bool:
    """Return whether an account that a search found contradicts what is known of its user.

    With an equal externalId, userName and all names must differ. With an equal userName and the
    same names, nothing else counts. Otherwise another externalId contradicts, and other names do.
    What one of the documents does not hold contradicts nothing.
    """
    ours, theirs = identity_of(known), identity_of(shown)
    if agree("externalId", ours, theirs):
        return not agree(_DISPLAY_NAME, ours, theirs) and became_another(ours, theirs)
    if is_same_user(ours, theirs):
        return False
    if "externalId" in ours and "externalId" in theirs:
        return True
    is_named_the_same = compare_names(ours, theirs) is Agreement.SAME
    return not is_named_the_same and all_names_differ(ours, theirs)


def is_same_user(known: Document, shown: Document) -> bool:
    """Return whether an account has the userName and the names that are known of a user."""
    ours, theirs = identity_of(known), identity_of(shown)
    return agree(_USER_NAME, ours, theirs) and compare_names(ours, theirs) is Agreement.SAME


def agree(path: str, known: Document, shown: Document) -> bool:
    """Return whether two documents hold the same text at a path; only externalId is case-exact."""
    ours, theirs = _text(path, known), _text(path, shown)
    if ours is None or theirs is None:
        return False
    return ours == theirs if path == "externalId" else fold_name(ours) == fold_name(theirs)


def identity_of(document: Document) -> Document:
    """Return the texts of a document at the paths `IDENTITY`."""
    values = {path: _text(path, document) for path in IDENTITY}
    return {path: value for path, value in values.items() if value is not None}


def _text(path: str, document: Document) -> str | None:
    value: Any = document.get(path)
    parent, _, sub = path.partition(".")
    if value is None and isinstance(whole := document.get(parent), dict):
        value = whole.get(sub)
    text = None if value is None else str(value).strip()
    return text or None


def _plain(value: object) -> str:
    return " ".join((fold_name(value) or "").split())


def _words(value: object) -> Set[str]:
    return {*_plain(value).replace(",", " ").split()}


def _differs(path: str, before: Document, after: Document) -> bool:
    return path in before and path in after and _plain(before[path]) != _plain(after[path])
