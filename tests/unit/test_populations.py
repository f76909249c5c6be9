"""Which targets are about the same people."""

from __future__ import annotations

import pytest

from scimsync.run.populations import populations

HR, CON, BOTH = ("hr",), ("con",), ("hr", "con")


@pytest.mark.parametrize(
    ("sources", "groups"),
    [
        ({"a": HR, "b": HR}, [["a", "b"]]),
        ({"a": HR, "b": CON}, [["a"], ["b"]]),
        ({"a": HR, "b": CON, "c": BOTH}, [["a", "b", "c"]]),
        ({"a": HR, "b": CON, "-": BOTH}, [["a", "b"]]),  # connected by one that is left out
        ({"a": HR, "-": CON}, [["a"]]),
        ({}, []),
    ],
)
def test_targets_are_grouped_by_connected_sources(
    sources: dict[str, tuple[str, ...]], groups: list[list[str]]
) -> None:
    assert populations([name for name in sources if name != "-"], sources) == groups
