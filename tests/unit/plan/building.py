"""Short ways to write down candidates, links and what is around them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from scimsync.desired import Desired
from scimsync.model.accounts import Account
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import Operation
from scimsync.plan.candidates import Candidate, Leaving, Policy, Surroundings
from scimsync.plan.decision_writer import Decisions
from scimsync.plan.decisions import decide
from scimsync.plan.traits import GROUPS, USERS, Traits

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)
KEY = Key("00001")
ID = RemoteId("id-1")
NAME = {"userName": "ann@example.com"}
DEACTIVATE = Policy("wiki", "status == 'active'", Leaving("deactivate"))


def policy(action: str = "deactivate", days: int | None = None, **more: Any) -> Policy:
    """The policy of a target: what happens to leavers, and after how many days."""
    delete_after = None if days is None else days * DAY
    return Policy("wiki", "status == 'active'", Leaving(action, delete_after), **more)


def wanted(document: Mapping[str, Any] | None = None, **more: Any) -> Desired:
    """What a user in scope should be."""
    return Desired(KEY, in_scope=True, document=NAME if document is None else document, **more)


def out_of_scope() -> Desired:
    """What a user out of scope should be."""
    return Desired(KEY, in_scope=False)


def link(
    status: LinkStatus = LinkStatus.ACTIVE,
    document: Mapping[str, Any] | None = None,
    kind: Kind = Kind.USER,
    **more: Any,
) -> Link:
    """A link with an account, unless `more` says otherwise."""
    held = NAME if document is None else document
    return Link(kind, KEY, status, **{"remote_id": ID, "document": held, **more})


def pending(**more: Any) -> Link:
    """A link without an account."""
    return link(LinkStatus.PENDING, {}, remote_id=None, **more)


def candidate(desired: Desired | None, known: Link | None = None, **more: Any) -> Candidate:
    """A candidate whose target holds what its link says."""
    before = {} if known is None else known.document
    return Candidate(KEY, desired, known, **{"before": before, **more})


def account(
    remote_id: str = "id-1", document: Mapping[str, Any] | None = None, **more: Any
) -> Account:
    """An account that matching found by userName."""
    held = NAME if document is None else document
    return Account(RemoteId(remote_id), held, **{"found_by": "userName", **more})


def decisions(
    *candidates: Candidate,
    rules: Policy = DEACTIVATE,
    around: Surroundings | None = None,
    traits: Traits = USERS,
) -> Decisions:
    """What follows for some candidates."""
    return decide(candidates, traits, rules, around or Surroundings(), NOW)


def said(operation: Operation) -> tuple[str, str]:
    """Action and reason of an operation."""
    return str(operation.action), operation.reason


__all__ = [
    "DAY",
    "GROUPS",
    "ID",
    "KEY",
    "NAME",
    "NOW",
    "TODAY",
    "USERS",
    "account",
    "candidate",
    "decisions",
    "link",
    "out_of_scope",
    "pending",
    "policy",
    "said",
    "wanted",
]
