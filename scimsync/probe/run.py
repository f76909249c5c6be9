"""Run a probe: clean up after earlier runs, take the sequences, clean up after this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from scimsync.errors import TargetUnavailable
from scimsync.formatting import printable
from scimsync.probe.answers import ProbeResponse
from scimsync.probe.clean_up import CleanUp
from scimsync.probe.engine import SequenceRun
from scimsync.probe.ledger import Ledger, abandoned_ledgers, new_ledger
from scimsync.probe.sequence import ProviderSequence, Step
from scimsync.probe.sequences import PLAIN, SEQUENCES, checks_of
from scimsync.probe.server import Origin, Request, Server, Silence
from scimsync.probe.values import Exchange, LeftResource, ProbeReport, ProbeResult, RequestPurpose
from scimsync.transport.retry_policy import TimeSource

_LONGEST_LOCATION = 200  # characters

_NO_CREDENTIALS = "the request had none; --token env:NAME sends a bearer token"

Only = Literal["users", "groups"]


class ProbeProgress(Protocol):
    """Receives progress: the provider, the activity, the number of new steps, and the total."""

    def __call__(self, name: str, what: str, number: int, total: int | None = None) -> None: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _ignore(name: str, what: str, number: int, total: int | None = None) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """What a probe does.

    `providers` are names of sequences. `only` restricts the checks to users or to groups. With
    `keep`, the resources stay until the next run. `folder` is where the ledgers are, and `run` the
    random part of the names. `now` gives the time, aware, and
    `report` hears of each step.
    """

    providers: tuple[str, ...]
    folder: Path
    run: str
    only: Only | None = None
    keep: bool = False
    now: Callable[[], datetime] = _utc_now
    time: TimeSource = field(default_factory=TimeSource)
    report: ProbeProgress = _ignore


async def probe(origin: Origin, options: ProbeOptions) -> ProbeReport:
    """Act as each provider towards the server at `origin`, and return what was found.

    Everything that it creates is removed at the end, even after an error or a cancellation;
    leftovers of an earlier run are removed first. Raise TargetUnavailable if the server cannot be
    reached, refuses the credentials, or has no SCIM service at this URL, and OSError for the
    ledger.
    """
    run = _Probe(origin, options)
    try:
        return await run.report()
    finally:
        await run.aclose()


async def clean_up(origin: Origin, options: ProbeOptions) -> tuple[int, list[LeftResource]]:
    """Remove what earlier runs have left at the server.

    Return the number of resources that are gone, and those that could not be removed. Raise
    TargetUnavailable as `probe` does.
    """
    run = _Probe(origin, options)
    try:
        await run.look_at_server()
        return await run.remove_abandoned()
    finally:
        await run.aclose()


class _Probe:
    """One probe: the connections and what was found so far."""

    def __init__(self, origin: Origin, options: ProbeOptions) -> None:
        self._origin = origin
        self._options = options
        self._exchanges: list[Exchange] = []
        self._sequences = [SEQUENCES[name] for name in options.providers]
        self._plain = self._server(PLAIN, Silence())
        self._silence = Silence()

    async def aclose(self) -> None:
        """Close the connection for requests that belong to no sequence."""
        await self._plain.aclose()

    async def report(self) -> ProbeReport:
        """Run all sequences, clean up, and return the report."""
        options = self._options
        started, begin = options.now(), options.time.clock()
        await self.look_at_server()
        await self.remove_abandoned()
        results: list[ProbeResult] = []
        ledger = new_ledger(options.folder, self._origin.url, options.run)
        try:
            for sequence in self._sequences:
                results += await self._take(sequence, ledger)
        finally:
            try:
                left = _kept(ledger) if options.keep else await self._remove(ledger)
            finally:
                ledger.close()
        return ProbeReport(
            url=self._origin.url,
            run=options.run,
            started=started,
            seconds=options.time.clock() - begin,
            providers={one.name: one.title for one in self._sequences},
            results=tuple(results),
            exchanges=tuple(self._exchanges),
            left=tuple(left),
            kept=options.keep,
        )

    async def look_at_server(self) -> None:
        """Raise TargetUnavailable if nothing can be found out about the server."""
        answer, _ = await self._plain.send(
            Request("GET", "/Users?startIndex=1&count=1"),
            "Look at the server",
            RequestPurpose.CLEAN_UP,
        )
        url = printable(self._origin.url)
        if answer.status is None:
            raise TargetUnavailable(f"{url}: {printable(answer.problem)}", code="SYNC-0401")
        if answer.status in (401, 403):
            raise TargetUnavailable(
                f"{url}: GET /Users: status {answer.status}: the server refuses the credentials",
                hint=None if self._plain.has_credentials else _NO_CREDENTIALS,
                code="SYNC-0402",
            )
        refusal = _why_no_service(answer)
        if refusal is not None:
            why, hint, code = refusal
            raise TargetUnavailable(
                f"{url}: GET /Users: status {answer.status}: {why}", hint=hint, code=code
            )

    async def remove_abandoned(self) -> tuple[int, list[LeftResource]]:
        """Remove the resources of runs that ended early, or that kept them."""
        gone, left = 0, list[LeftResource]()
        for ledger in abandoned_ledgers(self._options.folder, self._origin.url):
            before = len(ledger.made)
            try:
                left += await self._remove(ledger)
            finally:
                gone += before - len(ledger.made)
                ledger.close()
        return gone, left

    async def _take(self, sequence: ProviderSequence, ledger: Ledger) -> list[ProbeResult]:
        server = self._server(sequence, self._silence)
        judged = [step for step in sequence.steps if _concerns(step, self._options.only)]
        run = SequenceRun(sequence, server, ledger, self._options.run, checks_of(SEQUENCES))
        steps = list(with_needed(sequence.steps, judged))
        try:
            return await run.run(self._reported(sequence, steps), judged)
        finally:
            await server.aclose()

    def _reported(self, sequence: ProviderSequence, steps: Sequence[Step]) -> Iterator[Step]:
        self._options.report(sequence.title, "steps", 0, len(steps))
        for step in steps:
            yield step
            self._options.report(sequence.title, "steps", 1, len(steps))

    async def _remove(self, ledger: Ledger) -> list[LeftResource]:
        return await CleanUp(self._plain).remove_all(ledger)

    def _server(self, sequence: ProviderSequence, silence: Silence) -> Server:
        return Server(
            self._origin,
            sequence,
            self._exchanges,
            now=self._options.now,
            time=self._options.time,
            silence=silence,
        )


def with_needed(steps: Sequence[Step], wanted: Sequence[Step]) -> Iterator[Step]:
    """Yield those of `steps` that are `wanted` or create something that another step needs."""
    needed: set[str] = set()
    kept: list[Step] = []
    for step in reversed(steps):
        makes = {step.creates, step.picked} & needed
        if step in wanted or makes:
            kept.append(step)
            needed |= step.all_needs
    yield from reversed(kept)


def _why_no_service(answer: ProbeResponse) -> tuple[str, str, str] | None:
    """Return why a response shows no service to probe, a hint, and the code, or None."""
    url_hint = "the URL of a SCIM service is the part before /Users"
    if answer.status == 429:
        return "the server limits requests", "wait, and probe it again", "SYNC-0405"
    if answer.status is not None and 300 <= answer.status < 400:
        location = printable(answer.headers.get("location", ""))[:_LONGEST_LOCATION]
        where = f" to {location}" if location else ""
        return f"the server redirects the request{where}", url_hint, "SYNC-0403"
    if answer.status == 404:
        return "the server knows no /Users at this URL", url_hint, "SYNC-0403"
    if answer.document is None and (answer.status or 0) < 500:
        return "the body is no JSON object", url_hint, "SYNC-0403"
    return None


def _concerns(step: Step, only: Only | None) -> bool:
    """Whether the checks of a step were requested; discovery belongs to users."""
    return only is None or (step.part == "groups") == (only == "groups")


def _kept(ledger: Ledger) -> list[LeftResource]:
    return [
        LeftResource(made.endpoint, made.names[0], one, "kept")
        for made in ledger.made
        for one in sorted(made.ids)
    ]
