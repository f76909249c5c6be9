"""What a probe finds: requests with their responses, checks and their results, a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

Headers = tuple[tuple[str, str], ...]
"""Names and values of headers, in the order in which they were sent."""


class RequestPurpose(StrEnum):
    """Why a request was sent."""

    SEQUENCE = "sequence"
    """A step of a provider's sequence, byte by byte as the provider sends it."""

    READ_BACK = "read-back"
    """A GET that shows what a write has stored."""

    CLEAN_UP = "clean-up"
    """Find and remove what the probe has made."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its response, without secrets.

    `path` begins with "/", is relative to the base URL, and is percent-encoded with its query.
    Bodies are as they were sent and received, decoded as UTF-8. `status` is None, and `problem`
    says why, if no complete response arrived. `seconds` is how long the response took.
    """

    sequence: str
    step: str
    purpose: RequestPurpose
    started: datetime
    seconds: float
    method: str
    path: str
    request_headers: Headers
    request_body: str | None
    status: int | None
    response_headers: Headers = ()
    response_body: str = ""
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Check:
    """One property of a SCIM server that some client depends on.

    `id` is stable, such as `duplicate-conflict`. `standard` is the section that requires it, or the
    page of a provider. `hint` says how to correct a server that fails the check. A server that
    fails a check which is not `required` gets a warning. `providers` are the names of the sequences
    that contain the check. `after` are the ids of checks whose failure explains that of this one.
    """

    id: str
    title: str
    standard: str
    hint: str
    required: bool = True
    providers: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class Outcome(StrEnum):
    """The outcome of a check."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The outcome of a check in the sequence of a provider.

    `step` is the step that decided it: the first one that failed, or else the last one. `found` is
    what is wrong, or why the check was skipped; "" if it passed. `exchanges` are the request that
    shows it, and the request that reads back what it stored.
    """

    check: Check
    provider: str
    step: str
    outcome: Outcome
    found: str = ""
    exchanges: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """The number of checks of a provider by their outcome."""

    passed: int = 0
    warned: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def percent(self) -> int:
        """The share of checks that passed or warned, among those with an outcome; 0 for none.

        It is 100 only if no check failed.
        """
        decided = self.passed + self.warned + self.failed
        return 0 if decided == 0 else (self.passed + self.warned) * 100 // decided


@dataclass(frozen=True, slots=True)
class LeftResource:
    """A resource that the probe has made and that is still there, or may be.

    `id` is None if the server never returned it. `why` is the reason why the probe did not remove
    it.
    """

    endpoint: str
    name: str
    id: str | None
    why: str


@dataclass(frozen=True)
class ProbeReport:
    """What a probe of the server at `url` found.

    `providers` are the names of the sequences that ran and their titles, in order. `run` is the
    random part of the names of all resources. `exchanges` are all requests in the order in which
    they were sent. `left` are resources that could not be removed, or, if `kept`, were kept on
    purpose.
    """

    url: str
    run: str
    started: datetime
    seconds: float
    providers: Mapping[str, str]
    results: tuple[ProbeResult, ...]
    exchanges: tuple[Exchange, ...] = ()
    left: tuple[LeftResource, ...] = ()
    kept: bool = False

    @cached_property
    def scores(self) -> Mapping[str, Score]:
        """The score of each provider."""
        return {
            provider: Score(
                **{
                    outcome.value: sum(
                        one.provider == provider and one.outcome is outcome for one in self.results
                    )
                    for outcome in Outcome
                }
            )
            for provider in self.providers
        }

    @property
    def exit_code(self) -> int:
        """4 if something fails that a provider needs, or could not be removed; 0 otherwise."""
        return 4 if self.failed or (self.left and not self.kept) else 0

    @property
    def failed(self) -> tuple[ProbeResult, ...]:
        """The results of checks that failed."""
        return tuple(one for one in self.results if one.outcome is Outcome.FAILED)
