"""Which records of a list count as different, and which came before."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.sources.http.received_records import ReceivedRecords

A, B, C = {"id": "a", "n": 1}, {"id": "b", "n": 1}, {"id": "c", "n": 1}
CHANGED, NO_KEY, EMPTY_KEY = {"id": "a", "n": 2}, {"n": 1}, {"id": "", "n": 1}


def by_id(record: Any) -> Any:
    return record.get("id")


@pytest.mark.parametrize(
    ("options", "pages", "number", "repeated"),
    [
        # records without a key are the same if their content is
        ({}, [[A, B], [C]], 3, 0),
        ({}, [[A, B], [B, C]], 3, 1),
        ({}, [[A, B], [CHANGED]], 3, 0),
        ({}, [[A], [{"n": 1, "id": "a"}]], 1, 1),
        # equal records of one page each count, unless an earlier page has them
        ({}, [[A, A, B]], 3, 0),
        ({}, [[A, A, B], [B, B, C]], 4, 2),
        ({"once": True}, [[A, A, B]], 2, 1),
        # a key identifies records, whatever else they have
        ({"identity": by_id}, [[A, B], [CHANGED, C]], 3, 1),
        ({"identity": by_id}, [[{"id": 1}], [{"id": "1"}]], 1, 1),
        ({"identity": by_id}, [[NO_KEY, EMPTY_KEY], [NO_KEY, A]], 3, 1),
        ({"identity": by_id, "once": True}, [[A, CHANGED], [B]], 2, 1),
    ],
)
def test_different_records_are_counted(
    options: dict[str, Any], pages: list[list[Any]], number: int, repeated: int
) -> None:
    received = ReceivedRecords(**options)
    for page in pages:
        received.add_page(page)
    assert (received.number, received.repeated) == (number, repeated)


@pytest.mark.parametrize(
    ("first", "second", "came_before"),
    [([A, A], [B], False), ([A, B], [B, C], True), ([], [A], False), ([A], [], False)],
)
def test_a_record_of_an_earlier_page_is_noticed(
    first: list[Any], second: list[Any], came_before: bool
) -> None:
    received = ReceivedRecords()
    assert not received.add_page(first)
    assert received.add_page(second) is came_before
