"""Deliver waiting events to each destination in the order of the journal.

A token may arrive twice, with the same `jti`, if the process ends after the response and before it
is recorded. Only one process at a time delivers to a destination, under a lease.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimsync.audit.events.claims import claims_of
from scimsync.audit.events.destination import Delivery, Destination, EventToken
from scimsync.audit.events.token import Signer
from scimsync.audit.events.token_file import TokenFile
from scimsync.audit.events.token_receiver import TokenReceiver
from scimsync.audit.keys import signing_key
from scimsync.config.audit import AuditEvents
from scimsync.config.models import Config
from scimsync.config.secrets import SecretReader
from scimsync.errors import ConfigError, LeaseHeld, StateError
from scimsync.formatting import plural
from scimsync.model.backoff import delivery_pause
from scimsync.state import leases, pending_events
from scimsync.state.pending_events import PendingEvent
from scimsync.state.store import Store
from scimsync.transport.request_errors import BaseUrlError

BUDGET_S = 15.0
"""The maximum duration of an export to a receiver in seconds, not counting its last request."""

LONGEST_PAUSE = timedelta(hours=1)

DISCARD_AFTER = timedelta(days=30)
"""How long an event waits for a destination before it is discarded."""

_LOG = logging.getLogger("scimsync")


def export_events(
    store: Store,
    config: Config,
    now: datetime,
    *,
    clock: Callable[[], datetime],
    budget_s: float = BUDGET_S,
) -> int:
    """Deliver the events that are due at `now`, and return how many tokens arrived.

    If a destination fails, log it and retry later, without an error. Without `[audit.events]`, do
    not read the state. Do not call this in a thread that runs an event loop. Raise StateError.
    """
    settings = config.audit.events
    if settings is None:
        return 0
    with store.read() as connection:
        due = pending_events.due_destinations(connection, now)
    if any(name not in settings.destinations for name in due):
        with store.write() as connection:
            pending_events.keep_only(connection, settings.destinations)
    return sum(
        _Export(store, config, settings, name, clock, budget_s).run()
        for name in settings.destinations
        if name in due
    )


def next_export(store: Store, config: Config, now: datetime) -> datetime | None:
    """Return when the next event can be sent, `now` at the earliest, or None if nothing waits.

    Without `[audit.events]`, do not read the state. Raise StateError.
    """
    if config.audit.events is None:
        return None
    with store.read() as connection:
        return pending_events.next_delivery(connection, now)


def open_destination(config: Config, settings: AuditEvents, name: str) -> Destination:
    """Return a destination of `[audit.events]`; send nothing. Raise ConfigError."""
    if name == "file":
        return TokenFile(config.base_dir / (settings.file or ""))
    secrets = SecretReader(config, settings.auth or settings, "audit", "events", "auth")
    try:
        return TokenReceiver(settings, config.base_dir, secrets)
    except (BaseUrlError, ValueError) as error:
        where = config.where("audit", "events")
        raise ConfigError(f"{where}: {error}", code="SYNC-0120") from None


@dataclass(slots=True)
class _Export:
    """The export to one destination. It ends if nothing is due, a delivery fails, or time is up."""

    store: Store
    config: Config
    settings: AuditEvents
    name: str
    clock: Callable[[], datetime]
    budget_s: float
    arrived: int = 0

    def run(self) -> int:
        """Deliver; return how many tokens arrived."""
        try:
            with self._lease():
                self._deliver_all()
        except LeaseHeld:
            _LOG.debug("audit.events.%s: another process is delivering", self.name)
        return self.arrived

    def _deliver_all(self) -> None:
        ends_at = time.monotonic() + self.budget_s
        try:
            key = signing_key(self.config)
            destination = open_destination(self.config, self.settings, self.name)
        except ConfigError as error:
            self._record(Delivery(failure=error.message), [])
            return
        assert key is not None  # noqa: S101 - sync.toml is refused without one
        signer = Signer(key)
        try:
            while time.monotonic() < ends_at and (events := self._next(destination)):
                if not self._deliver(destination, signer, events):
                    return
        finally:
            destination.close()

    def _next(self, destination: Destination) -> list[PendingEvent]:
        """Return the next events that can be delivered together."""
        now = self.clock()
        with self.store.write() as connection:
            found = pending_events.due_events(connection, self.name, now, destination.batch)
        return found if destination.keeps_order else _of_different_resources(found)

    def _deliver(
        self, destination: Destination, signer: Signer, events: Sequence[PendingEvent]
    ) -> bool:
        """Deliver a batch; return whether the destination may get the next one."""
        tokens: list[EventToken] = []
        without: list[int] = []
        for event in events:
            claims = claims_of(event, self.settings.issuer, self.settings.audience)
            if claims is None:
                without.append(event.operation.id)
            else:
                tokens.append(EventToken(event.operation.id, claims["jti"], signer.sign(claims)))
        delivery = Delivery()
        if tokens:
            try:
                delivery = destination.deliver(tokens)
            except StateError:
                raise
            except Exception as error:  # a destination must not affect anything else
                delivery = Delivery(failure=f"unexpected error: {type(error).__name__}")
        self.arrived += len(delivery.delivered)
        delivery.delivered += without
        self._record(delivery, events)
        return delivery.failure is None

    def _record(self, delivery: Delivery, events: Sequence[PendingEvent]) -> None:
        now = self.clock()
        with self.store.write() as connection:
            pending_events.remove(connection, self.name, delivery.delivered)
            for event in events:
                if event.operation.id in delivery.refused:
                    until = now + _pause(event.refusals + 1)
                    pending_events.put_refused(connection, self.name, event.operation.id, until)
            lost = 0
            if delivery.failure is not None:
                self._pause(connection, delivery, now)
            elif delivery.delivered:
                pending_events.resume(connection, self.name)
            if delivery.failure is not None or delivery.refused:
                lost = pending_events.discard_old(connection, self.name, now - DISCARD_AFTER)
        self._log(delivery, lost)

    def _pause(self, connection: Connection, delivery: Delivery, now: datetime) -> None:
        failures = pending_events.failures_of(connection, self.name) + 1
        until = now + _pause(failures, delivery.retry_after_s)
        why = delivery.failure or ""
        pending_events.pause(connection, self.name, failures, until, why)

    def _log(self, delivery: Delivery, lost: int) -> None:
        if delivery.failure is not None:
            _LOG.warning(
                "audit.events.%s: delivery failed: %s [SYNC-0825]", self.name, delivery.failure
            )
        for number, why in delivery.refused.items():
            _LOG.warning(
                "audit.events.%s: the event of operation %d was refused: %s [SYNC-0826]",
                self.name,
                number,
                why,
            )
        if lost:
            what, days = plural(lost, "event"), DISCARD_AFTER.days
            _LOG.warning(
                "audit.events.%s: discarded %s after %d days [SYNC-0827]", self.name, what, days
            )

    @contextmanager
    def _lease(self) -> Iterator[None]:
        """Hold the lease on this destination. Raise LeaseHeld if another process holds it."""
        with self.store.write() as connection:
            names = [f"events {self.name}"]
            token = leases.take(connection, names, leases.holder_name(), self.clock())
        try:
            yield
        finally:
            with self.store.write() as connection:
                leases.release(connection, token, self.clock())


def _of_different_resources(events: Sequence[PendingEvent]) -> list[PendingEvent]:
    """Return the first of `events`, before the first one whose resource already has an event."""
    first: dict[tuple[str, str, str], PendingEvent] = {}
    for event in events:
        operation = event.operation
        resource = (operation.target, operation.kind, operation.key)
        if resource in first:
            break
        first[resource] = event
    return list(first.values())


def _pause(failures: int, asked_s: float | None = None) -> timedelta:
    return delivery_pause(failures, LONGEST_PAUSE, asked_s)
