"""The numbers of requests that a product takes in a period, by class of request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from scimsync.scim.messages import ScimRequest
from scimsync.scim.profiles.rates import RequestRate
from scimsync.transport.quota import Quota

_LOG = logging.getLogger("scimsync")

LONG_WAIT_S = 30.0
"""A wait in seconds for a limit of the product after which a warning says so."""


class ProductLimits:
    """The limits of the product behind one target. `clock` returns steady seconds."""

    def __init__(
        self, target: str, rates: Sequence[RequestRate], clock: Callable[[], float]
    ) -> None:
        self._target = target
        self._clock = clock
        self._quotas = {rate: Quota(rate.limit, rate.seconds) for rate in rates}
        self._told: set[RequestRate] = set()

    def count_earlier(self, requests: Iterable[tuple[float, ScimRequest]]) -> None:
        """Count requests that earlier runs sent.

        They come in order, each with the seconds since then.
        """
        now = self._clock()
        for age, request in requests:
            for rate, quota in self._quotas.items():
                if rate.counts(request):
                    quota.take(now - age)

    def quotas_of(self, request: ScimRequest) -> list[Quota]:
        """Return the quotas that a request counts in. Tell once if it has to wait long for one."""
        quotas = {rate: quota for rate, quota in self._quotas.items() if rate.counts(request)}
        for rate, quota in quotas.items():
            seconds = quota.wait(self._clock())
            if seconds > LONG_WAIT_S and rate not in self._told:
                self._told.add(rate)
                what = "%s: waits %.0f s for a limit of the product (%s) [SYNC-0463]"
                _LOG.warning(what, self._target, seconds, rate)
        return list(quotas.values())
