"""Remember when targets were reconciled, and how many findings there were."""

from __future__ import annotations

from datetime import datetime

from scimsync.reconcile.reconcile import Findings
from scimsync.state.reconciliations import Reconciliation, put_reconciliations
from scimsync.state.store import Store


def record_findings(store: Store, findings: Findings, at: datetime) -> list[Reconciliation]:
    """Store and return the result of each target that could be read. Raise StateError."""
    done = [
        Reconciliation(name, at, len(found.log), complete=found.exit_code == 0)
        for name, found in findings.targets.items()
        if found.error is None
    ]
    if done:
        with store.write() as connection:
            put_reconciliations(connection, done)
    return done
