"""The attributes of `match`, in the spelling of the mapping."""

from __future__ import annotations

from collections.abc import Sequence

from scimsync.desired.parsed_expression import ExpressionLocation
from scimsync.model.did_you_mean import did_you_mean
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Kind
from scimsync.scim.grammar import PathError
from scimsync.scim.settable import settable_path


def match_paths(
    match: Sequence[str], mapped: Sequence[str], kind: Kind, location: ExpressionLocation
) -> tuple[str, ...]:
    """Return the paths of `match` as the mapping spells them, which sets the paths `mapped`.

    Names are case-insensitive (RFC 7643 section 2.1). Of the two usual attributes, one may be
    unmapped, if another path is mapped. Raise ConfigError for any other path that is not mapped,
    and for one that cannot be.
    """
    usual = {path.casefold(): path for path in ("externalId", UNIQUE_ATTRIBUTE[kind])}
    spellings = {settable_path(path).key: path for path in mapped}
    keys = {text: _key(text, location) for text in match}
    if not spellings.keys().isdisjoint(keys.values()):
        spellings = usual | spellings
    for text, key in sorted(keys.items(), key=lambda one: one[1] in usual):
        if key not in spellings:
            raise location.error(
                f"{text} is not mapped, so nothing can be found by it",
                details=[f"mapped: {', '.join(mapped)}"],
                hint=did_you_mean(text, mapped) or "map it, or leave it out here",
                code="SYNC-0146",
            )
    return tuple(dict.fromkeys(spellings[key] for key in keys.values()))


def _key(text: str, location: ExpressionLocation) -> str:
    try:
        return settable_path(text).key
    except PathError as error:
        raise location.error(str(error), code="SYNC-0145") from None
