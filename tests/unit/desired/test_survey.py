"""When references that name nobody are worth a warning."""

from __future__ import annotations

import pytest

from scimsync.desired.survey import is_suspicious


@pytest.mark.parametrize(
    ("missing", "total", "told"),
    [
        (0, 0, False),
        (1, 1, False),  # a manager who has left
        (1, 100, False),
        (2, 2, True),
        (2, 4, True),
        (2, 5, False),
        (49, 100, False),
        (50, 100, True),
    ],
)
def test_most_references_name_nobody(missing: int, total: int, *, told: bool) -> None:
    assert is_suspicious(missing, total) is told
