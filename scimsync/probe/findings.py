"""Group the results of a report into findings: one for each thing that is wrong with a server.

A fault makes several checks fail, in the sequences of several providers. Those whose failure
another one explains (`Check.after`) belong to the finding of that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from scimsync.probe.values import Check, Exchange, Outcome, ProbeReport, ProbeResult

_WRONG: Final = (Outcome.FAILED, Outcome.WARNED)


@dataclass(frozen=True)
class ProbeFinding:
    """One thing that is wrong.

    `results` are those of `check`, one for each provider whose sequence has it, and `consequences`
    those of other checks that it explains.
    """

    check: Check
    results: tuple[ProbeResult, ...]
    consequences: tuple[ProbeResult, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """FAILED if anything failed, or else WARNED."""
        failed = any(one.outcome is Outcome.FAILED for one in self.all_results)
        return Outcome.FAILED if failed else Outcome.WARNED

    @cached_property
    def all_results(self) -> tuple[ProbeResult, ...]:
        """The results, then the consequences."""
        return (*self.results, *self.consequences)

    @property
    def providers(self) -> tuple[str, ...]:
        """The names of the providers that are concerned, in the order of the results."""
        return tuple(dict.fromkeys(one.provider for one in self.all_results))

    @property
    def found(self) -> tuple[str, ...]:
        """What is wrong, each text once."""
        return tuple(dict.fromkeys(one.found for one in self.results))

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The requests that show it."""
        return self.results[0].exchanges


def findings(report: ProbeReport) -> tuple[ProbeFinding, ...]:
    """Return what is wrong: failures first, then warnings, in the order of the results."""
    results = {(one.check.id, one.provider): one for one in report.results}
    own: dict[str, list[ProbeResult]] = {}
    consequences: dict[str, list[ProbeResult]] = {}
    for one in report.results:
        if one.outcome in _WRONG:
            cause = _cause(one, results)
            of = own if cause == one.check.id else consequences
            of.setdefault(cause, []).append(one)
    found = [
        ProbeFinding(those[0].check, tuple(those), tuple(consequences.get(name, ())))
        for name, those in own.items()
    ]
    return tuple(sorted(found, key=lambda one: _WRONG.index(one.outcome)))


def _cause(result: ProbeResult, results: Mapping[tuple[str, str], ProbeResult]) -> str:
    """Return the id of the check that explains a failure; its own if none does.

    A check explains what fails for the same provider, and for providers that do not have it. One
    that passes for a provider explains nothing there.
    """
    for name in result.check.after:
        here = results.get((name, result.provider))
        if here is not None and here.outcome is Outcome.PASSED:
            continue
        wrong = [
            one for (check, _), one in results.items() if check == name and one.outcome in _WRONG
        ]
        if wrong:
            return _cause(here if here in wrong else wrong[0], results)
    return result.check.id
