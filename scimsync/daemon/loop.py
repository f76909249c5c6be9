"""The daemon: one loop that looks at the clock, at files, at sync.toml and at the state, and starts one push at a time.

It keeps nothing that it could not lose: what has to outlive it lies in the state. So it may be killed at any moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Protocol

from scimsync.config import load
from scimsync.config.models import Config
from scimsync.config.operating import Event
from scimsync.daemon.agenda import Agenda
from scimsync.daemon.config_file import ConfigFile
from scimsync.daemon.health import HealthServer
from scimsync.daemon.inquiry import Standing, standings, unchanged_sources
from scimsync.daemon.jobs import Cause, Job, Ran, run_job
from scimsync.daemon.metrics import Figures, exposition, standing
from scimsync.daemon.notify import (
    Finding,
    config_finding,
    findings_of_error,
    findings_of_push,
    forget_unknown,
    stale_findings,
)
from scimsync.daemon.saying import say_job, say_next, say_result
from scimsync.daemon.systemd import Systemd
from scimsync.daemon.telling import Keepers
from scimsync.daemon.vitals import Vitals
from scimsync.daemon.watch import Watch
from scimsync.errors import ConfigError, Interrupted, LeaseHeld, ScimsyncError, StateError
from scimsync.execute.interruption import Interruption
from scimsync.execute.settings import file_spec, set_up
from scimsync.plan.people import pause_after
from scimsync.sources import patterns
from scimsync.state.store import Store, open_state

_LOG = logging.getLogger("scimsync")

LONGEST_WAIT = timedelta(minutes=10)
"""A push whose source is being written waits for it no longer than this."""

AGAIN_AFTER = timedelta(seconds=15)
"""When a push is tried again that found another run at work."""

STATE_AGAIN_AFTER = timedelta(minutes=1)
"""When a push is tried again that found the state out of reach."""

CLOCK_JUMP_S = 60.0


class Sleeper(Protocol):
    """What the loop sleeps with."""

    def wake(self) -> None: ...

    def wait(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the daemon does not have in itself. `clock` gives aware times, `steady` seconds that never jump; pushes run
    in `pushing`, messages are delivered in `telling`; `poll` is how often files are looked at, `look` how often the state is
    asked what is due, since other processes may have changed it; `personal`: the log may name people."""

    clock: Callable[[], datetime]
    steady: Callable[[], float]
    sleeper: Sleeper
    pushing: Executor
    telling: Executor
    systemd: Systemd
    chance: Random
    poll: timedelta = timedelta(seconds=0.5)
    look: timedelta = timedelta(minutes=1)
    personal: bool = False


class Daemon:
    """Runs by the sync.toml at `path`. Raises ConfigError and StateError when it cannot begin."""

    def __init__(self, path: Path, world: World) -> None:
        self._world = world
        self._file = ConfigFile(path)
        self.config = self._load()
        self.figures = Figures()
        self.vitals = Vitals(world.steady, self._metrics)
        self._watch = Watch(self.config.schedule.quiet)
        self._agenda = self._new_agenda()
        self._keepers = Keepers(self._state, self._state_failed, world.telling, world.sleeper.wake, world.clock)
        self._health: HealthServer | None = None
        self._running: Future[Ran] | None = None
        self._interruption = Interruption()
        self._tried_until: dict[str, datetime] = {}
        self._look_at: datetime | None = None
        self._times = (world.clock(), world.steady())
        self._pinged_at = world.steady()
        self._reload = False
        self._stopping: Interrupted | None = None

    # From signal handlers and other threads

    def stop(self, number: int) -> None:
        """Ends the loop in order: what is in flight comes to its end."""
        self._stopping = Interrupted("the daemon is stopped", number=number, hint="the next push goes on from here")
        self._world.sleeper.wake()

    def reload(self) -> None:
        """Reads sync.toml again, at the next turn."""
        self._reload = True
        self._world.sleeper.wake()

    # The loop

    def run(self) -> None:
        """Works until it is stopped. Raises ConfigError and StateError when it cannot begin."""
        now = self._world.clock()
        self._begin(now)
        self._start_health()
        self._world.systemd.ready("watching")
        try:
            while self._stopping is None:
                self._turn()
            self._end()
        finally:
            if self._health is not None:
                self._health.stop()

    def _turn(self) -> None:
        """One round: what has happened is taken in, what is to be done is begun, and then it sleeps."""
        self.vitals.turned()
        now = self._world.clock()
        self._follow_clock(now)
        self._ping()
        if self._reload or self._file.has_changed(now, self.config.schedule.quiet):
            self._read_again(now)
        for name in self._watch.look(now):
            targets = [target for target, of in self._sources.items() if name in of]
            _LOG.info("%s: its files have changed", name)
            self._agenda.ask(targets, Cause.FILE, now)
        self._take_in(now)
        if self._look_at is None or self._look_at <= now or self._look_at - now > self._world.look:
            self._look(now)
        self._start(now)
        self._keepers.turn(self.config, now)
        if self._stopping is None:
            self._world.sleeper.wait(self._seconds(self._world.clock()))

    def _seconds(self, now: datetime) -> float:
        """How long nothing has to be done."""
        quiet = self.config.schedule.quiet
        times = [now + self._world.poll, self._look_at, self._watch.settles_at(), self._file.settles_at(quiet)]
        times.append(self._keepers.next_time())
        if self._running is None:
            times.append(self._agenda.next_time())
        return max(min((time - now).total_seconds() for time in times if time is not None), 0.05)

    def _end(self) -> None:
        """Nothing new is begun; a push at work finishes what it has sent."""
        assert self._stopping is not None  # noqa: S101 - the loop has ended by it
        _LOG.info("stopping: what is in flight comes to its end")
        self.vitals.stopping()
        self._world.systemd.stopping()
        self._interruption.interrupt(self._stopping)
        while self._running is not None and not self._running.done():
            self.vitals.turned()
            self._ping()
            self._world.sleeper.wait(1.0)
        self._take_in(self._world.clock())
        self._world.pushing.shutdown()
        self._world.telling.shutdown(cancel_futures=True)
        _LOG.info("stopped")

    # Beginning, and beginning anew

    def _load(self) -> Config:
        """sync.toml, as far as it can be judged without its sources: expressions are compiled. Raises ConfigError."""
        config = load(self._file.path)
        targets = set_up(config, read=False).targets
        self._sources = {name: target.all_sources for name, target in targets.items()}
        self._days = frozenset(name for name, target in targets.items() if target.uses_today)
        return config

    def _new_agenda(self) -> Agenda:
        return Agenda(self.config.schedule, list(self.config.targets), self.config.schedule.zone, self._world.chance)

    def _begin(self, now: datetime) -> None:
        """After a start: what was missed, what was left unfinished, and files that came meanwhile."""
        with self._state() as store:
            forget_unknown(store, self.config)
            known = standings(store, self.config, {})
            unchanged = unchanged_sources(store, self.config)
            self._keepers.begin(self.config, store, now)
        self._agenda.begin(now, {name: one.known.ran_at for name, one in known.items()})
        self._agenda.ask([name for name, one in known.items() if one.unfinished], Cause.START, now)
        self._watch_files(unchanged)
        self.figures.reloaded(ok=True, at=now)
        self._due(known, now)
        self._keepers.note(self.config, lambda _: [Finding(Event.CONFIG, self._file.path.name)], now)
        say_next(self._agenda.next_runs())

    def _read_again(self, now: datetime) -> None:
        """sync.toml has changed, or somebody said so. One that cannot be used changes nothing."""
        self._reload = False
        self._world.systemd.reloading()
        self._file.look()
        name = self._file.path.name
        try:
            config = self._load()
        except ConfigError as error:
            _LOG.error("%s cannot be used; what was read before counts on\n%s", name, error)
            self.figures.reloaded(ok=False, at=now)
            finding = config_finding(error, name)
            self._keepers.note(self.config, lambda _: [finding], now)
        else:
            self._use(config, now)
            self._keepers.note(config, lambda _: [Finding(Event.CONFIG, name)], now)
        self._world.systemd.ready("watching")

    def _use(self, config: Config, now: datetime) -> None:
        before, self.config = self.config, config
        agenda = self._new_agenda()
        agenda.begin(now, {})
        agenda.take_over(self._agenda)
        self._agenda = agenda
        known: dict[str, Standing] = {}
        unchanged: dict[str, bool] = {}
        try:
            with self._state() as store:
                forget_unknown(store, config)
                known = standings(store, config, self._tried_until)
                unchanged = unchanged_sources(store, config)
                self._keepers.begin(config, store, now)
        except StateError as error:
            self._state_failed(error)
        self._watch_files(unchanged)
        self._due(known, now)
        self.figures.reloaded(ok=True, at=now)
        _LOG.info("sync.toml was read again")
        if (config.health.host, config.health.port) != (before.health.host, before.health.port):
            if self._health is not None:
                self._health.stop()
                self._health = None
            try:
                self._start_health()
            except ConfigError as error:
                _LOG.error("%s", error)
        say_next(self._agenda.next_runs())

    def _watch_files(self, unchanged: Mapping[str, bool]) -> None:
        self._watch = Watch(self.config.schedule.quiet)
        if not self.config.schedule.watch:
            return
        for name in self.config.sources:
            spec = file_spec(self.config, name)
            try:
                some = patterns(spec)
            except ScimsyncError as error:
                _LOG.warning("%s: its files cannot be watched: %s", name, error.message)
                continue
            self._watch.add(name, spec.base_dir, some, known=unchanged.get(name, False))

    def _start_health(self) -> None:
        health = self.config.health
        if health.port:
            server = HealthServer(health.host, health.port, self.vitals)
            server.start()
            self._health = server

    def _follow_clock(self, now: datetime) -> None:
        """A clock that was set makes times of before meaningless. A machine that slept has only missed some."""
        (then, steady_then), steady = self._times, self._world.steady()
        self._times = (now, steady)
        jump = (now - then).total_seconds() - (steady - steady_then)
        if abs(jump) > CLOCK_JUMP_S:
            _LOG.warning("the clock was set by %+.0f s; all times are worked out anew", jump)
            self._agenda.begin(now, dict.fromkeys(self.config.targets, None if jump < 0 else then))
            self._tried_until = {name: min(at, now) for name, at in self._tried_until.items()}
            self._look_at = None

    # Pushes

    def _start(self, now: datetime) -> None:
        if self._running is not None:
            return
        job = self._agenda.take(now)
        if job is None:
            return
        if job.cause is not Cause.FILE and job.cause.reads and (until := self._being_written(job, now)) is not None:
            self._agenda.ask(job.targets, job.cause, until)
            return
        say_job(job)
        self.vitals.working(on=True)
        work = partial(run_job, self.config, job, self._world.clock, self._report, self._observe, self._interruption)
        self._running = self._world.pushing.submit(work)
        self._running.add_done_callback(lambda _: self._world.sleeper.wake())

    def _being_written(self, job: Job, now: datetime) -> datetime | None:
        """When to look again, where a source of the job is being written: once complete, it is pushed by itself."""
        sources = {source for target in job.targets for source in self._sources[target]}
        since = [at for source in sources if (at := self._watch.unsettled_since(source)) is not None]
        if not since or now - min(since) > LONGEST_WAIT:
            return None
        return now + max(self.config.schedule.quiet, timedelta(seconds=1))

    def _take_in(self, now: datetime) -> None:
        """What a push came to."""
        if self._running is None or not self._running.done():
            return
        ran, self._running = self._running.result(), None
        self.vitals.working(on=False)
        self.figures.run(ran.job.cause, ran.word, ran.seconds)
        if ran.outcome is not None:
            for name, target in ran.outcome.targets.items():
                self.figures.operations(name, target.operations)
        names = [name for name in ran.job.targets if name in self.config.targets]  # others went while it was at work
        self._tried_until |= dict.fromkeys(names, ran.ended)
        if ran.outcome is not None:
            say_result(ran, [], personal=self._world.personal)
            find = partial(findings_of_push, self.config, names, ran.sources, ran.outcome, patient=True)
            self._keepers.note(self.config, find, now)
        elif ran.error is not None:
            findings = self._findings_of(ran, ran.error)
            say_result(ran, findings, personal=self._world.personal)
            self._keepers.note(self.config, lambda _: findings, now)
            if isinstance(ran.error, LeaseHeld | StateError):
                pause = AGAIN_AFTER if isinstance(ran.error, LeaseHeld) else STATE_AGAIN_AFTER
                self._agenda.again(ran.job, now + pause)
        self._look(now, ran)

    def _findings_of(self, ran: Ran, error: Exception) -> list[Finding]:
        of_job = dict.fromkeys(source for name in ran.job.targets for source in self._sources.get(name, ()))
        return findings_of_error(ran.job.targets, list(of_job), error, error.source if isinstance(error, ScimsyncError) else None)

    def _report(self, name: str, what: str, number: int, total: int | None = None) -> None:  # noqa: ARG002
        self.vitals.progressed()

    def _observe(self, target: str, method: str, status: int | None, seconds: float) -> None:
        self.vitals.progressed()
        self.figures.request(target, method, status, seconds)

    # The state

    def _look(self, now: datetime, ran: Ran | None = None) -> None:
        """Asks the state when something is due."""
        self._look_at = now + self._world.look
        try:
            with self._state() as store:
                known = standings(store, self.config, self._tried_until)
        except StateError as error:
            self._state_failed(error)
            return
        self.vitals.troubled(None)
        self._keepers.note(self.config, lambda _: stale_findings(self.config, self._watch.changed_at(), now), now)
        self._due(known, now, ran)
        self.figures.planned(self._agenda.next_runs())

    def _due(self, known: Mapping[str, Standing], now: datetime, ran: Ran | None = None) -> None:
        for name, one in known.items():
            until = one.known.quarantined_until
            alone = until is not None and until > now
            self._agenda.due(name, until if alone else self._first(name, one))
        if ran is None:
            return
        for name, target in (ran.outcome.targets if ran.outcome is not None else {}).items():
            if name in known and not isinstance(target.error, Interrupted):
                fared = known[name].known
                again = fared.quarantined_until or now + pause_after(max(fared.failures, 1))
                self._agenda.retry(name, None if target.error is None else again)

    def _first(self, name: str, one: Standing) -> datetime | None:
        """When a target has work without its sources: a link is due, or a day begins that its expressions see."""
        times = [one.due_at]
        last = max((at for at in (one.known.ran_at, self._tried_until.get(name)) if at is not None), default=None)
        if name in self._days and last is not None:
            times.append(_midnight_after(last))
        return min((time for time in times if time is not None), default=None)

    @contextmanager
    def _state(self) -> Iterator[Store]:
        store = open_state(self.config.state_url, self.config.base_dir, create=True)
        try:
            yield store
        finally:
            store.close()

    def _state_failed(self, error: StateError) -> None:
        self.vitals.troubled("the state database cannot be used")
        _LOG.error("%s", error)

    def _ping(self) -> None:
        every, steady = self._world.systemd.ping_every_s, self._world.steady()
        if every is not None and steady - self._pinged_at >= every and self.vitals.alive().ok:
            self._pinged_at = steady
            self._world.systemd.alive()

    def _metrics(self) -> bytes:
        """All figures. Raises StateError: half of them would look like all."""
        store = open_state(self.config.state_url, self.config.base_dir, create=False)
        try:
            gauges = standing(self.config, store, self._world.clock(), self._watch.changed_at())
            return exposition(self.figures, gauges, process=True)
        finally:
            store.close()


def _midnight_after(moment: datetime) -> datetime:
    """When the next day begins on this machine, as expressions see it."""
    day = moment.astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return (day + timedelta(days=1)).astimezone()
