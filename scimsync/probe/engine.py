"""Run the sequence of one provider, step by step, and judge each response."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from scimsync.probe.answers import ProbeResponse
from scimsync.probe.clean_up import GONE, CleanUp
from scimsync.probe.ledger import Ledger, Made
from scimsync.probe.memory import Memory, UnknownVersion
from scimsync.probe.sequence import Expect, ProviderSequence, ReadAfterWrite, Step
from scimsync.probe.server import Request, Server
from scimsync.probe.values import Check, Exchange, Outcome, ProbeResult, RequestPurpose
from scimsync.scim.attributes import read, resource_id

_SEVERITY: Final = (Outcome.FAILED, Outcome.WARNED, Outcome.SKIPPED, Outcome.PASSED)
_REFUSALS: Final = range(400, 500)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one step says of one check."""

    check: str
    step: str
    outcome: Outcome
    found: str
    exchanges: tuple[Exchange, ...]


class SequenceRun:
    """A run of `sequence` towards `server`. `checks` are all checks that are known.

    The resources that it creates are written to `ledger` first, and the caller removes them.
    """

    def __init__(
        self,
        sequence: ProviderSequence,
        server: Server,
        ledger: Ledger,
        run: str,
        checks: Mapping[str, Check],
    ) -> None:
        self._sequence = sequence
        self._server = server
        self._ledger = ledger
        self._checks = checks
        self._memory = Memory(run, sequence.name, sequence.resources)
        self._judged: list[Judged] = []

    async def run(self, steps: Iterable[Step], judged: Collection[Step]) -> list[ProbeResult]:
        """Take `steps`, and return the results of the checks of those in `judged`."""
        for step in steps:
            verdicts = await self._take(step)
            if step in judged:
                self._judged += verdicts
        return [self._result(check) for check in dict.fromkeys(one.check for one in self._judged)]

    def _result(self, check: str) -> ProbeResult:
        """Return the worst result of the steps for a check, or the last if none found a fault."""
        said = [one for one in self._judged if one.check == check]
        decided = [one for one in said if one.outcome is not Outcome.SKIPPED] or said
        worst = min(reversed(decided), key=lambda one: _SEVERITY.index(one.outcome))
        if worst.outcome is not Outcome.PASSED:
            worst = next(one for one in decided if one.outcome is worst.outcome)
        return ProbeResult(
            self._checks[check],
            self._sequence.name,
            worst.step,
            worst.outcome,
            worst.found,
            worst.exchanges,
        )

    async def _take(self, step: Step) -> list[Judged]:
        if (why := self._why_not(step)) is not None:
            return _skipped(step, why)
        try:
            request = self._request(step)
        except UnknownVersion:
            return _skipped(step, "the server shows no version of the resource")
        if step.creates is not None:
            made = self._declared(step.creates)
            self._ledger.will_make(made.endpoint, made.attribute, made.names)
        answer, exchange = await self._server.send(request, step.name, RequestPurpose.SEQUENCE)
        if step.creates is not None:
            await self._learn(step.creates, answer)
        self._remember(step, answer)
        said = [self._judge(step, one, answer, (exchange,)) for one in step.expects]
        if step.then is not None:
            said += await self._read_back(step, step.then, answer, exchange)
        return said

    def _why_not(self, step: Step) -> str | None:
        """Return why a step cannot be taken; None if it can."""
        if self._server.is_silent:
            return "the server no longer responds"
        if step.wrong_token and not self._server.has_credentials:
            return "there is no token to replace with a wrong one"
        if step.feature is not None and not self._memory.supports(step.feature):
            return f"/ServiceProviderConfig says that {step.feature} is not supported"
        missing = sorted(name for name in step.all_needs if not self._memory.knows([name]))
        if not missing:
            return None
        groups = any(self._memory.is_group(name) for name in missing)
        return f"there is no {'group' if groups else 'user'} for this step"

    def _request(self, step: Step) -> Request:
        send, memory = step.send, self._memory
        body: Any = send.body(memory) if callable(send.body) else memory.fill(send.body)
        content = None if body is None else orjson.dumps(body)
        target = memory.target(send.path, send.query)
        headers = tuple((name, memory.fill(value)) for name, value in send.headers)
        return Request(send.method, target, content, headers, step.wrong_token)

    def _declared(self, name: str) -> Made:
        attribute = "displayName" if self._memory.is_group(name) else "userName"
        return Made(self._memory.endpoint(name), attribute, self._memory.names(name))

    async def _learn(self, name: str, answer: ProbeResponse) -> None:
        """Keep the id of a resource that was made, if the response shows that it is the probe's.

        If a server accepted the request and shows no id, look for the resource by its name.
        """
        made = self._declared(name)
        if answer.status in _REFUSALS or not answer.reached:
            self._ledger.is_refused(made.endpoint, made.names[0])
            return
        shown = str(read(answer.document or {}, made.attribute)).casefold()
        found = resource_id(answer.document or {})
        if found is None or shown not in {one.casefold() for one in made.names}:
            ids = await CleanUp(self._server).find(made)
            found = next(iter(sorted(ids or ())), None)
        if found is not None:
            self._ledger.has_id(made.endpoint, made.names[0], found)
            if not self._memory.knows([name]):
                self._memory.learn(name, found)

    def _remember(self, step: Step, answer: ProbeResponse) -> None:
        if step.picked is not None and step.picks is not None and answer.accepted:
            picked = step.picks(answer)
            if picked is not None:
                self._memory.learn(step.picked, picked)
        if answer.accepted and answer.document is not None:
            self._memory.see(answer.document)

    async def _read_back(
        self, step: Step, back: ReadAfterWrite, answer: ProbeResponse, exchange: Exchange
    ) -> list[Judged]:
        if not answer.accepted:
            already = {one.check for one in step.expects}
            why = "the server refused the request"
            return [
                Judged(one.check, step.name, Outcome.SKIPPED, why, (exchange,))
                for one in back.expects
                if one.check not in already
            ]
        if not self._memory.knows([back.resource]):
            return []
        target = self._memory.target(self._memory.path(back.resource), back.query)
        shown, second = await self._server.send(
            Request("GET", target), step.name, RequestPurpose.READ_BACK
        )
        if shown.accepted and shown.document is not None:
            self._memory.see(shown.document)
        if step.send.method == "DELETE" and shown.status in GONE:
            made = self._declared(back.resource)
            name = self._memory.id(back.resource)
            self._ledger.is_removed(made.endpoint, made.names[0], name)
        return [self._judge(step, one, shown, (exchange, second)) for one in back.expects]

    def _judge(
        self, step: Step, expected: Expect, answer: ProbeResponse, exchanges: tuple[Exchange, ...]
    ) -> Judged:
        found = next(
            (said for judge in expected.judges if (said := judge(answer, self._memory))), None
        )
        if found is None:
            outcome = Outcome.PASSED
        elif self._checks[expected.check].required:
            outcome = Outcome.FAILED
        else:
            outcome = Outcome.WARNED
        return Judged(expected.check, step.name, outcome, found or "", exchanges)


def _skipped(step: Step, why: str) -> list[Judged]:
    return [Judged(check, step.name, Outcome.SKIPPED, why, ()) for check in step.checks]
