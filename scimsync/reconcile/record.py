"""Store when targets were reconciled, how many findings there were, and what was confirmed."""

from __future__ import annotations

from datetime import datetime

from scimsync.model.batches import batches
from scimsync.reconcile.drift_findings import TargetFindings
from scimsync.reconcile.reconciliation import Findings
from scimsync.state import confirmations
from scimsync.state.reconciliations import Reconciliation, put_reconciliations
from scimsync.state.store import Store

_BATCH = 500


def record_findings(store: Store, findings: Findings, began: datetime) -> list[Reconciliation]:
    """Store and return the result of each target that could be read since `began`.

    Removals of access that the accounts show are confirmed in the journal. Raise StateError.
    """
    done = [
        Reconciliation(name, began, len(found.log), complete=found.is_complete)
        for name, found in findings.targets.items()
        if found.error is None
    ]
    if done:
        with store.write() as connection:
            put_reconciliations(connection, done)
    for one in done:
        _confirm_removals(store, findings.targets[one.target], began)
    return done


def _confirm_removals(store: Store, target: TargetFindings, began: datetime) -> None:
    for keys in batches(target.log.removed_keys(), _BATCH):
        with store.read() as connection:
            shown = confirmations.removals_to_confirm(connection, target.name, keys, began)
        if shown:
            with store.write() as connection:
                confirmations.confirm(connection, shown, began)
