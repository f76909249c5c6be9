"""Requests for pushes: which are taken together, and what is reported as their cause."""

from __future__ import annotations

import pytest

from scimsync.daemon.push_job import Cause, PushQueue, PushRequest

TARGETS = ["wiki", "crm"]


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        # nothing to do
        ([], []),
        # targets with the same time are pushed together, in the order of sync.toml
        (
            [("crm", Cause.SCHEDULE), ("wiki", Cause.SCHEDULE)],
            [PushRequest(("wiki", "crm"), Cause.SCHEDULE)],
        ),
        # a request is done once
        (
            [("wiki", Cause.FILE), ("wiki", Cause.FILE)],
            [PushRequest(("wiki",), Cause.FILE)],
        ),
        # of several causes, the one that explains most is reported
        (
            [("wiki", Cause.START), ("wiki", Cause.SCHEDULE), ("crm", Cause.FILE)],
            [PushRequest(("wiki", "crm"), Cause.FILE)],
        ),
        # a push that reads the sources does the due work of its target too
        (
            [("wiki", Cause.DUE), ("wiki", Cause.SCHEDULE)],
            [PushRequest(("wiki",), Cause.SCHEDULE)],
        ),
        # due work of other targets follows
        (
            [("crm", Cause.DUE), ("wiki", Cause.FILE)],
            [PushRequest(("wiki",), Cause.FILE), PushRequest(("crm",), Cause.DUE)],
        ),
        (
            [("crm", Cause.DUE), ("wiki", Cause.DUE)],
            [PushRequest(("wiki", "crm"), Cause.DUE)],
        ),
        # a target that is no longer in sync.toml is not pushed
        ([("old", Cause.FILE)], []),
    ],
)
def test_requests_become_as_few_pushes_as_possible(
    requests: list[tuple[str, Cause]], expected: list[PushRequest]
) -> None:
    queue = PushQueue()
    for name, cause in requests:
        queue.add([name], cause)

    taken = []
    while (request := queue.take(TARGETS)) is not None:
        taken.append(request)

    assert taken == expected
