"""Group the results of a report into findings: one for each thing that is wrong with a server.

A fault makes several checks fail, in the sequences of several providers. Those whose failure
another one explains (`Check.after`) belong to the finding of that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from scimsync.probe.values import Check, CheckResult, Exchange, Outcome, ProbeReport

_WRONG: Final = (Outcome.FAILED, Outcome.WARNED)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    `results` are those of `check`, one for each provider whose sequence has it, and `consequences`
    those of other checks that it explains.
    """

    check: Check
    results: tuple[CheckResult, ...]
    consequences: tuple[CheckResult, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """FAILED if anything failed, or else WARNED."""
        failed = any(one.outcome is Outcome.FAILED for one in self.all_results)
        return Outcome.FAILED if failed else Outcome.WARNED

    @cached_property
    def all_results(self) -> tuple[CheckResult, ...]:
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


def findings(report: ProbeReport) -> tuple[Finding, ...]:
    """Return what is wrong: failures first, then warnings, in the order of the results."""
    wrong: dict[str, list[CheckResult]] = {}
    for one in report.results:
        if one.outcome in _WRONG:
            wrong.setdefault(one.check.id, []).append(one)
    consequences: dict[str, list[CheckResult]] = {}
    for name, results in wrong.items():
        if (cause := _cause(results[0].check, wrong)) != name:
            consequences.setdefault(cause, []).extend(results)
    found = [
        Finding(results[0].check, tuple(results), tuple(consequences.get(name, ())))
        for name, results in wrong.items()
        if _cause(results[0].check, wrong) == name
    ]
    return tuple(sorted(found, key=lambda one: _WRONG.index(one.outcome)))


def _cause(check: Check, wrong: Mapping[str, Sequence[CheckResult]]) -> str:
    """Return the id of the check that explains the failure of `check`; its own if none does."""
    for name in check.after:
        if name in wrong and name != check.id:
            return _cause(wrong[name][0].check, wrong)
    return check.id
