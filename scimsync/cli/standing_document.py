"""`status --json`."""

from __future__ import annotations

from typing import Any

from scimsync.cli.plans import problem_document
from scimsync.cli.runs import run_document
from scimsync.cli.standing import Standing, TargetStanding
from scimsync.model.ids import Kind
from scimsync.model.links import LinkStatus


def standing_document(standing: Standing) -> dict[str, Any]:
    """How things stand, in JSON; times are UTC."""
    return {
        "state": standing.state_file,
        "sources": {
            source.name: {
                "ingested_at": source.ingested_at,
                "records": source.records,
                "problems": [problem_document(problem) for problem in source.problems],
            }
            for source in standing.sources
        },
        "targets": {target.name: _target(target) for target in standing.targets},
        "held": dict(standing.holds),
        "troubles": [
            {"event": one.event, "subject": one.subject, "since": one.since, "text": one.text}
            for one in standing.told
        ],
        "leases": [
            {"name": lease.name, "holder": lease.holder, "expires_at": lease.expires_at}
            for lease in standing.leases
        ],
        "runs": [run_document(run, (), at_work=bool(standing.leases)) for run in standing.runs],
        "error": None if standing.trouble is None else standing.trouble.message,
    }


def _target(target: TargetStanding) -> dict[str, Any]:
    return {
        "url": target.url,
        "pushed": target.pushed,
        "behind": target.behind,
        "reconfigured": target.reconfigured,
        "failures": target.known.failures,
        "quarantined_until": target.known.quarantined_until,
        "last_error": target.known.last_error,
        "rate": {"lowered_to": target.known.lowered_rate, "at": target.known.lowered_at},
        "links": {
            kind.value: {status.value: target.links.get((kind, status), 0) for status in LinkStatus}
            for kind in Kind
        },
        "failing": {
            "count": target.troubles.count,
            "next_try_at": target.troubles.next_try_at,
            "first": [
                {
                    "kind": one.kind,
                    "key": one.key,
                    "failures": one.failures,
                    "last_error": one.last_error,
                    "next_try_at": one.next_try_at,
                }
                for one in target.troubles.first
            ],
        },
    }
