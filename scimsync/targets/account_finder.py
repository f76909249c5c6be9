"""The planner's search for accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from scimsync.model.accounts import IDENTITY, Account
from scimsync.model.ids import Document, Key, RemoteId
from scimsync.scim.attributes import member_ids, read, resource_id, short_text
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import ListingError
from scimsync.scim.resources import project
from scimsync.targets.evidence import Purpose, Verdict, verdict
from scimsync.targets.matching import Matcher, MatchResult
from scimsync.targets.shown_resources import active_of, held_document


class AccountFinder:
    """The planner's search for accounts.

    `matcher_of` returns the matcher for a key, and `protect` the filter that keeps a resource out
    of reach, if any. `note` is called with the matches of each search.
    """

    def __init__(
        self,
        matcher_of: Callable[[Key], Matcher],
        protect: Callable[[Mapping[str, Any]], str | None],
        note: Callable[[Mapping[Key, MatchResult]], None] = lambda _: None,
    ) -> None:
        self._matcher_of = matcher_of
        self._protect = protect
        self._note = note

    async def find(
        self,
        wanted: Mapping[Key, Document],
        paths: Mapping[Key, Sequence[str]],
        *,
        proving: bool = False,
    ) -> tuple[dict[Key, tuple[Account, ...]], dict[Key, str]]:
        """Return the accounts that match each document, and why some could not be looked up.

        `paths` are the managed paths of each key. With `proving`, that nothing is found counts only
        if the search is shown to find others. Raise RequestError for errors that concern more than
        one resource.
        """
        by_matcher: dict[int, tuple[Matcher, dict[Key, Document]]] = {}
        for key, document in wanted.items():
            matcher = self._matcher_of(key)
            by_matcher.setdefault(id(matcher), (matcher, {}))[1][key] = document
        accounts: dict[Key, tuple[Account, ...]] = {}
        refused: dict[Key, str] = {}
        for matcher, documents in by_matcher.values():
            matches, refusals = await matcher.find(documents, proving=proving)
            refused |= refusals
            matches = await _with_members(matcher, matches, refused)
            self._note(matches)
            for key, match in matches.items():
                if any(resource_id(resource) is None for resource in match.resources):
                    refused[key] = f"what matches by {match.by} has no id that can be used"
                    continue
                accounts[key] = tuple(
                    replace(
                        to_account(match.by, resource, paths[key]),
                        protected_by=self._protect(resource),
                    )
                    for resource in match.resources
                )
        return accounts, refused


async def _with_members(
    matcher: Matcher, matches: Mapping[Key, MatchResult], refused: dict[Key, str]
) -> dict[Key, MatchResult]:
    """Return the matches, the groups among them with their members, which adoption compares.

    Add to `refused` why a group cannot be read. An ambiguous match needs no members.
    """
    alone = {key: match for key, match in matches.items() if len(match.resources) == 1}
    read = await asyncio.gather(
        *(matcher.with_members(match.resources[0]) for match in alone.values()),
        return_exceptions=True,
    )
    found = dict(matches)
    for key, resource in zip(alone, read, strict=True):
        if isinstance(resource, (ErrorResponse, ListingError)):
            if verdict(resource, Purpose.READ) is Verdict.TOKEN:
                raise resource
            refused[key] = str(resource)
        if isinstance(resource, BaseException) and key not in refused:
            raise resource
        if resource is None:
            match = found[key]
            remote_id = resource_id(match.resources[0])
            refused[key] = f"the group {remote_id} is found by {match.by}, but not by its id"
        if isinstance(resource, dict):
            found[key] = replace(found[key], resources=(resource,))
        else:
            del found[key]
    return found


def to_account(found_by: str, resource: Mapping[str, Any], paths: Sequence[str]) -> Account:
    """Return a resource as an account, with its values at the managed `paths`."""
    meta = read(resource, "meta")
    version = read(meta, "version") if isinstance(meta, dict) else None
    return Account(
        remote_id=RemoteId(resource_id(resource) or ""),
        document=held_document(resource, paths),
        found_by=found_by,
        active=active_of(resource),
        identity=project(resource, IDENTITY),
        etag=short_text(version),
        members=tuple(map(RemoteId, member_ids(resource))),
    )
