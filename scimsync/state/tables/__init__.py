"""The tables of the state database, by subject.

JSON is stored in text columns, written by orjson. Times are UTC. A change here needs a migration
under `migrations/versions`; a test compares both.
"""

from scimsync.state.tables import (
    alert_tables,
    link_tables,
    run_tables,
    security_event_tables,
    source_tables,
    target_tables,
)
from scimsync.state.tables.table_base import StateRow

__all__ = [
    "alert_tables",
    "link_tables",
    "metadata",
    "run_tables",
    "security_event_tables",
    "source_tables",
    "target_tables",
]

metadata = StateRow.metadata
