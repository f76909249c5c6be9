"""Which operation each candidate needs: the pure difference between desired documents and links.

A candidate is classified, and a table names the rule that applies:

| candidate | state at the target | rule |
| --- | --- | --- |
| wanted | no account; none found by matching | create |
| wanted | no account; found by matching | adopt |
| wanted | linked, holds something else | update, reactivate or deactivate: `wanted.py` |
| wanted | linked, holds what it should | update the link |
| unwanted | no account; none found by matching | forget |
| unwanted | no account; found by matching | deactivate or delete |
| unwanted | linked | deactivate, delete, revoke, update the link or ignore: `unwanted.py` |

Users and groups follow the same rules. `Traits` holds what differs between them. There is no clock,
network or database here; the current time is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from scimsync.plan.candidates import Candidate, Policy, Surroundings
from scimsync.plan.decision_writer import Decisions, DecisionWriter
from scimsync.plan.traits import Traits
from scimsync.plan.unwanted import UnwantedRules
from scimsync.plan.wanted import WantedRules


def decide(
    candidates: Sequence[Candidate],
    traits: Traits,
    policy: Policy,
    around: Surroundings,
    now: datetime,
) -> Decisions:
    """Return the operations that `candidates` need, in their order.

    `now` decides which deletions are due.
    """
    writer = DecisionWriter(traits, policy, around, now)
    wanted, unwanted = WantedRules(writer), UnwantedRules(writer)
    for candidate in candidates:
        _decide(candidate, writer, wanted, unwanted)
    return writer.decisions


def _decide(
    candidate: Candidate, writer: DecisionWriter, wanted: WantedRules, unwanted: UnwantedRules
) -> None:
    link = candidate.link
    if candidate.failure is not None:
        if link is not None and link.left_at is not None:
            writer.decisions.returned.append(candidate.key)
        writer.fail(candidate, candidate.failure)
    elif candidate.is_wanted:
        wanted.add(candidate)
    elif link is None or not link.has_account or candidate.gone:
        if not unwanted.remove_found(candidate):
            writer.forget(candidate, link)
    else:
        unwanted.add(candidate, link)
