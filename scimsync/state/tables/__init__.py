"""The tables of the state database, by subject.

JSON is stored in text columns, written by orjson. Times are UTC. A change here needs a migration
under `migrations/versions`; a test compares both.
"""

from scimsync.state.tables import alerts, links, runs, security_events, sources, targets
from scimsync.state.tables.base import StateRow

__all__ = ["alerts", "links", "metadata", "runs", "security_events", "sources", "targets"]

metadata = StateRow.metadata
