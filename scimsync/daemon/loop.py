"""The daemon: one loop that looks at the clock, at files, at sync.toml and at the state, and starts
one push at a time.

It keeps nothing that it could not lose: what has to outlive it lies in the state. So it may be
killed at any moment.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scimsync.config import load
from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.agenda import Agenda
from scimsync.daemon.config_file import ConfigFile
from scimsync.daemon.deadlines import Deadlines
from scimsync.daemon.health import HealthEndpoint
from scimsync.daemon.inquiry import Standing, standings, unchanged_sources
from scimsync.daemon.jobs import Cause, Job, Ran, run_job, where
from scimsync.daemon.metrics import DaemonMetrics, next_run_gauge, state_gauges
from scimsync.daemon.notify import (
    Finding,
    config_finding,
    findings_of_error,
    findings_of_push,
    forget_unknown,
    stale_findings,
)
from scimsync.daemon.saying import say_job, say_next, say_result
from scimsync.daemon.state import begun_state, same_state
from scimsync.daemon.telling import Keepers
from scimsync.daemon.vitals import Vitals
from scimsync.daemon.watch import Watch
from scimsync.daemon.world import World
from scimsync.errors import ConfigError, Interrupted, LeaseHeld, ScimsyncError, StateError
from scimsync.model.backoff import is_waiting, retry_delay
from scimsync.run.cancellation import Cancellation
from scimsync.run.compile import compile_config, file_spec
from scimsync.sources import patterns
from scimsync.state.store import Store

if TYPE_CHECKING:
    from prometheus_client import Metric

_LOG = logging.getLogger("scimsync")

LONGEST_WAIT = timedelta(minutes=10)
"""A push whose source is being written waits for it no longer than this."""

AGAIN_AFTER = timedelta(seconds=15)
"""When a push is tried again that found another run at work."""

STATE_AGAIN_AFTER = timedelta(minutes=1)
"""When a push is tried again that found the state out of reach."""

MISSING_AFTER = timedelta(minutes=1)
"""How long a file may be away before somebody is told."""

GONE = ("Its files are gone.", None, "Bring them back; nobody loses anything meanwhile.")

CLOCK_JUMP_S = 60.0

_DAEMON = "daemon"
"""What errors of the loop itself are about."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A sync.toml, the sources of each target, and the targets whose expressions see the day."""

    config: Config
    sources: Mapping[str, tuple[str, ...]]
    days: frozenset[str]


class Daemon:
    """Runs by the sync.toml at `path`. Raises ConfigError and StateError when it cannot begin."""

    def __init__(self, path: Path, world: World) -> None:
        self._world = world
        self._file = ConfigFile(path)
        loaded = self._load()
        self.config, self._sources, self._days = loaded.config, loaded.sources, loaded.days
        self._metrics = DaemonMetrics()
        self._metrics.add_collector(self._gauges)
        self.vitals = Vitals(world.steady, self._metrics.expose)
        self._watch = Watch(self.config.schedule.quiet)
        self._agenda = self._new_agenda()
        self._keepers = Keepers(
            self._state, self._state_failed, world.telling, world.sleeper.wake, world.clock
        )
        self._health = HealthEndpoint(self.vitals)
        self._running: Future[Ran] | None = None
        self._interruption = Cancellation()
        self._deadlines = Deadlines()
        self._waiting: set[str] = set()
        self._refused = 0
        self._stumbled = False
        self._look_at: datetime | None = None
        self._times = (world.clock(), world.steady())
        self._pinged_at = world.steady()
        self._reload = False
        self._stopping: Interrupted | None = None

    # From signal handlers and other threads

    def stop(self, number: int) -> None:
        """Ends the loop in order: what is in flight comes to its end."""
        self._stopping = Interrupted(
            "the daemon is stopped", number=number, hint="the next push goes on from here"
        )
        self._world.sleeper.wake()

    def reload(self) -> None:
        """Reads sync.toml again, at the next turn."""
        self._reload = True
        self._world.sleeper.wake()

    # The loop

    def run(self) -> None:
        """Works until it is stopped. Raises ConfigError and StateError when it cannot begin."""
        self._health.serve_at(self.config.health)
        try:
            self._begin(self._world.clock())
            self._world.systemd.ready("watching")
            while self._stopping is None:
                try:
                    self._turn()
                except Exception as error:
                    self._stumble(error)
            self._end()
        finally:
            self._health.stop()

    def _turn(self) -> None:
        """One round: what has happened is taken in, what is to be done is begun, and then it
        sleeps."""
        self.vitals.turned()
        now = self._world.clock()
        self._follow_clock(now)
        self._ping()
        if self._reload or self._file.has_changed(now, self.config.schedule.quiet):
            self._read_again(now)
        for name in self._watch.look(now):
            if self.config.schedule.watch:
                targets = [target for target, of in self._sources.items() if name in of]
                _LOG.info("%s: its files have changed", name)
                self._agenda.ask(targets, Cause.FILE, now)
        self._take_in(now)
        if self._look_at is None or self._look_at <= now or self._look_at - now > self._world.look:
            self._look(now)
        self._start(now)
        self._keepers.turn(self.config, now)
        self._recover(now)
        if self._stopping is None:
            self._world.sleeper.wait(self._seconds(self._world.clock()))

    def _seconds(self, now: datetime) -> float:
        """How long nothing has to be done."""
        quiet = self.config.schedule.quiet
        times = [
            now + self._world.poll,
            self._look_at,
            self._watch.settles_at(now),
            self._file.settles_at(now, quiet),
        ]
        times.append(self._keepers.next_time())
        if self._running is None:
            times.append(self._agenda.next_time())
        return max(min((time - now).total_seconds() for time in times if time is not None), 0.05)

    def _stumble(self, error: Exception) -> None:
        """An error that nobody foresaw: it is told, and after a while everything goes on."""
        _LOG.error(
            "unexpected error: %s; this is a bug in scimsync\n%s",
            type(error).__name__,
            where(error),
        )
        self._stumbled = True
        self.vitals.troubled("an error that nobody foresaw; the log says where")
        now = self._world.clock()
        with suppress(Exception):  # it may be telling itself that does not work
            self._keepers.note(
                self.config, lambda _: findings_of_error([], [], error, None, subject=_DAEMON), now
            )
            self._keepers.turn(self.config, now)
        self._world.sleeper.wait(AGAIN_AFTER.total_seconds())

    def _recover(self, now: datetime) -> None:
        """A whole turn went well."""
        if self._stumbled:
            self._stumbled = False
            self.vitals.troubled(None)
            self._keepers.note(self.config, lambda _: [Finding(Event.ERROR, _DAEMON)], now)

    def _end(self) -> None:
        """Nothing new is begun; a push at work finishes what it has sent."""
        assert self._stopping is not None  # noqa: S101 - the loop has ended by it
        _LOG.info("stopping: what is in flight comes to its end")
        self.vitals.stopping()
        self._world.systemd.stopping()
        self._interruption.cancel(self._stopping)
        while self._running is not None and not self._running.done():
            self.vitals.turned()
            self._ping()
            self._world.sleeper.wait(1.0)
        self._take_in(self._world.clock())
        self._world.pushing.shutdown()
        self._world.telling.shutdown(cancel_futures=True)
        _LOG.info("stopped")

    # Beginning, and beginning anew

    def _load(self) -> Loaded:
        """sync.toml, as far as it can be judged without its sources: expressions are compiled.
        Raises ConfigError."""
        config = load(self._file.path)
        targets = compile_config(config, read=False).targets
        sources = {name: target.all_sources for name, target in targets.items()}
        return Loaded(
            config,
            sources,
            frozenset(name for name, target in targets.items() if target.uses_today),
        )

    def _new_agenda(self) -> Agenda:
        return Agenda(
            self.config.schedule,
            list(self.config.targets),
            self.config.schedule.zone,
            self._world.chance,
        )

    def _begin(self, now: datetime) -> None:
        """After a start: what was missed, what was left unfinished, and files that came meanwhile.
        Raises StateError."""
        with begun_state(self.config) as store:
            forget_unknown(store, self.config)
            known = standings(store, self.config, self._sources, {})
            unchanged = unchanged_sources(store, self.config)
            self._keepers.begin(self.config, store, now)
        self._agenda.begin(now, {name: one.known.ran_at for name, one in known.items()})
        self._agenda.ask([name for name, one in known.items() if one.unfinished], Cause.START, now)
        for name, one in known.items():
            if one.known.failures:
                until = one.known.quarantined_until
                self._agenda.retry(name, until if is_waiting(until, now) else now)
        self._watch = self._new_watch(unchanged)
        self._metrics.record_config(ok=True, at=now)
        self._deadlines.set(self._agenda, known, self._days, now)
        fine = [Finding(Event.CONFIG, self._file.path.name), Finding(Event.ERROR, _DAEMON)]
        self._keepers.note(self.config, lambda _: fine, now)
        say_next(self._agenda.next_runs())

    def _read_again(self, now: datetime) -> None:
        """sync.toml has changed, or somebody said so. One that cannot be used changes nothing."""
        self._reload = False
        self._world.systemd.reloading()
        self._file.look()
        name = self._file.path.name
        try:
            loaded = self._load()
            self._check_state(loaded.config)
            self._health.serve_at(loaded.config.health)
        except ConfigError as error:
            _LOG.error("%s cannot be used; what was read before counts on\n%s", name, error)
            self._metrics.record_config(ok=False, at=now)
            finding = config_finding(error, name)
            self._keepers.note(self.config, lambda _: [finding], now)
        else:
            self._use(loaded, now)
            self._keepers.note(self.config, lambda _: [Finding(Event.CONFIG, name)], now)
        self._world.systemd.ready("watching")

    def _check_state(self, config: Config) -> None:
        """Raises ConfigError for another state: what is known and due lies in the one of the
        start."""
        if config.state_url != self.config.state_url:
            place = config.where("state", "url")
            raise ConfigError(
                f"{place}: the state cannot be another one while the daemon runs",
                hint="stop it, and start it anew",
            )

    def _use(self, loaded: Loaded, now: datetime) -> None:
        self.config, self._sources, self._days = loaded.config, loaded.sources, loaded.days
        agenda = self._new_agenda()
        agenda.begin(now, {})
        agenda.take_over(self._agenda)
        self._agenda = agenda
        known: dict[str, Standing] = {}
        unchanged: dict[str, bool] = {}
        try:
            with self._state() as store:
                forget_unknown(store, self.config)
                known = standings(store, self.config, self._sources, self._deadlines.tried)
                unchanged = unchanged_sources(store, self.config)
                self._keepers.begin(self.config, store, now)
        except StateError as error:
            self._state_failed(error)
        watch = self._new_watch(unchanged)
        watch.take_over(self._watch)
        self._watch = watch
        self._deadlines.set(self._agenda, known, self._days, now)
        self._metrics.record_config(ok=True, at=now)
        _LOG.info("%s was read again", self._file.path.name)
        say_next(self._agenda.next_runs())

    def _new_watch(self, unchanged: Mapping[str, bool]) -> Watch:
        watch = Watch(self.config.schedule.quiet)
        for name in self.config.sources:
            spec = file_spec(self.config, name)
            try:
                some = patterns(spec)
            except ScimsyncError as error:
                _LOG.warning("%s: its files cannot be watched: %s", name, error.message)
                continue
            watch.add(name, spec.base_dir, some, known=unchanged.get(name, False))
        return watch

    def _follow_clock(self, now: datetime) -> None:
        """A clock that was set makes times of before meaningless. A machine that slept has only
        missed some."""
        (then, steady_then), steady = self._times, self._world.steady()
        self._times = (now, steady)
        jump = (now - then).total_seconds() - (steady - steady_then)
        if abs(jump) > CLOCK_JUMP_S:
            _LOG.warning("the clock was set by %+.0f s; all times are worked out anew", jump)
            self._agenda.begin(now, dict.fromkeys(self.config.targets, None if jump < 0 else then))
            if jump < 0:
                self._agenda.shift(timedelta(seconds=jump))
            self._deadlines.clock_was_set(now)
            self._look_at = None

    # Pushes

    def _start(self, now: datetime) -> None:
        if self._running is not None or self._stopping is not None:
            return
        job = self._agenda.take(now)
        if job is not None and job.cause.reads:
            job = self._without_unsettled(job, now)
        if job is None:
            return
        say_job(job)
        self.vitals.working(on=True)
        work = partial(
            run_job,
            self.config,
            job,
            self._world.clock,
            self._report,
            self._observe,
            self._interruption,
        )
        self._running = self._world.pushing.submit(work)
        self._running.add_done_callback(lambda _: self._world.sleeper.wake())

    def _without_unsettled(self, job: Job, now: datetime) -> Job | None:
        """The job without targets of which a source is being written: once that is complete they
        are pushed to by themselves."""
        unsettled = [
            name
            for name in self.config.sources
            if (since := self._watch.unsettled_since(name)) is not None
            and now - since < LONGEST_WAIT
        ]
        waits = [name for name in job.targets if set(self._sources[name]) & set(unsettled)]
        self._agenda.ask(
            waits, job.cause, now + max(self.config.schedule.quiet, timedelta(seconds=1))
        )
        awaited = {
            source for name in waits for source in self._sources[name] if source in unsettled
        }
        for source in sorted(awaited - self._waiting):
            _LOG.info(
                "%s: is being written; pushes wait for it, %d minutes at most",
                source,
                LONGEST_WAIT.seconds // 60,
            )
        self._waiting = (self._waiting | awaited) & set(unsettled)
        rest = tuple(name for name in job.targets if name not in waits)
        return Job(rest, job.cause) if rest else None

    def _take_in(self, now: datetime) -> None:
        """What a push came to."""
        if self._running is None or not self._running.done():
            return
        ran, self._running = self._running.result(), None
        self.vitals.working(on=False)
        self._metrics.record_run(ran.job.cause, ran.word, ran.seconds)
        if ran.outcome is not None:
            for name, target in ran.outcome.targets.items():
                self._metrics.record_operations(name, target.operations)
        # others went while it was at work
        names = [name for name in ran.job.targets if name in self.config.targets]
        self._deadlines.ran(ran, names)
        if ran.outcome is not None:
            self._refused = 0
            say_result(ran, [], personal=self._world.personal)
            # what is due says nothing about the file that a guard has stopped
            whole = ran.job.cause.reads or ran.outcome.guard is not None
            find = partial(
                findings_of_push,
                self.config,
                names,
                ran.sources,
                ran.outcome,
                whole=whole,
                patient=True,
            )
            self._keepers.note(self.config, find, now)
        elif ran.error is not None:
            findings = self._findings_of(ran, ran.error)
            say_result(ran, findings, personal=self._world.personal)
            self._keepers.note(self.config, lambda _: findings, now)
            self._again(ran, ran.error, names, now)
        self._look(now, ran)

    def _again(self, ran: Ran, error: Exception, names: list[str], now: datetime) -> None:
        """What could not be done is done later; targets that have nothing to do with the trouble
        need not wait."""
        if isinstance(error, LeaseHeld):
            self._agenda.again(ran.job, now + AGAIN_AFTER)
        elif isinstance(error, StateError):
            self._agenda.again(ran.job, now + STATE_AGAIN_AFTER)
        elif isinstance(error, ConfigError):
            self._refused += 1
            self._agenda.again(ran.job, now + retry_delay(self._refused))
        elif isinstance(error, ScimsyncError) and error.source is not None:
            others = [name for name in names if error.source not in self._sources[name]]
            self._agenda.ask(others, ran.job.cause, now)

    def _findings_of(self, ran: Ran, error: Exception) -> list[Finding]:
        of_job = dict.fromkeys(
            source for name in ran.job.targets for source in self._sources.get(name, ())
        )
        return findings_of_error(
            ran.job.targets,
            list(of_job),
            error,
            error.source if isinstance(error, ScimsyncError) else None,
        )

    def _report(self, name: str, what: str, number: int, total: int | None = None) -> None:  # noqa: ARG002
        self.vitals.progressed()

    def _observe(self, target: str, method: str, status: int | None, seconds: float) -> None:
        self.vitals.progressed()
        self._metrics.record_request(target, method, status, seconds)

    # The state

    def _look(self, now: datetime, ran: Ran | None = None) -> None:
        """Asks the state when something is due."""
        self._look_at = now + self._world.look
        try:
            with self._state() as store:
                known = standings(store, self.config, self._sources, self._deadlines.tried)
        except StateError as error:
            self._state_failed(error)
            return
        if ran is None or not isinstance(ran.error, StateError):
            self.vitals.troubled(None)
        self._keepers.note(self.config, lambda _: self._of_files(now), now)
        if ran is not None:
            self._deadlines.set_retries(self._agenda, known, ran, now)
        self._deadlines.set(self._agenda, known, self._days, now)

    def _of_files(self, now: datetime) -> list[Finding]:
        """What files say by not being there, or by not changing."""
        gone = [
            Finding(Event.SOURCE, name, *GONE) for name in self._watch.missing(now, MISSING_AFTER)
        ]
        if self._file.is_missing(now, MISSING_AFTER):
            gone.append(Finding(Event.CONFIG, self._file.path.name, *GONE))
        return [*gone, *stale_findings(self.config, self._watch.changed_at(), now)]

    def _state(self) -> AbstractContextManager[Store]:
        return same_state(self.config)

    def _state_failed(self, error: StateError) -> None:
        self.vitals.troubled("the state database cannot be used")
        _LOG.error("%s", error)

    def _ping(self) -> None:
        every, steady = self._world.systemd.ping_every_s, self._world.steady()
        if every is not None and steady - self._pinged_at >= every and self.vitals.liveness().ok:
            self._pinged_at = steady
            self._world.systemd.alive()

    def _gauges(self) -> list[Metric]:
        """Read the gauges of the state. Raises StateError."""
        with self._state() as store:
            gauges = state_gauges(self.config, store, self._world.clock(), self._watch.changed_at())
        return [*gauges, next_run_gauge(self._agenda.next_runs())]
