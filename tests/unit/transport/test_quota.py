"""Quotas: a number of requests in any period of a length."""

from __future__ import annotations

from scimsync.transport.quota import Quota


def test_no_period_has_more_requests_than_the_limit() -> None:
    quota, now, sent = Quota(3, 10.0), 0.0, []
    for pause in (0.0, 1.0, 0.0, 4.0, 0.0, 0.0, 20.0, 0.0, 0.0, 0.0):
        now += pause
        now += quota.wait(now)
        quota.take(now)
        sent.append(now)

    assert sent == [0.0, 1.0, 1.0, 11.0, 12.0, 12.0, 32.0, 32.0, 32.0, 43.0]
