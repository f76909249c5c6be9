"""Plan files that are shown: whatever a file holds, it is shown or refused with one message."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scimsync.errors import ConfigError
from scimsync.plan.plan_diff import plan_diff
from scimsync.plan.plan_file import read_plan
from scimsync.plan.render.html import html_plan
from scimsync.plan.render.markdown import markdown_plan
from scimsync.plan.render.text import text_plan

OPERATION = {
    "action": "adopt",
    "kind": "user",
    "key": "1",
    "name": "Ann",
    "reason": "why",
    "changes": [{"path": "title", "before": "a", "after": "b"}],
    "requests": [],
    "adoption": {"remote_id": "x", "matched": ["userName"]},
}
MEMBERS = {
    "action": "add_members",
    "kind": "group",
    "key": "g",
    "reason": "why",
    "changes": [{"path": "members", "before": None, "after": "1", "name": "Ann"}],
    "requests": [],
}
FILE: dict[str, Any] = {
    "saved": {
        "made_at": "2026-03-02T08:00:00+00:00",
        "urls": {"wiki": "https://wiki.example.com"},
        "options": {"keys": ["1"]},
    },
    "plan": {
        "targets": {
            "wiki": {
                "counts": {"adopt": 1, "add_members": 1},
                "operations": [OPERATION, MEMBERS],
                "error": None,
                "warnings": ["careful"],
            }
        },
        "guard": "guard.max_removals: 7 of 7",
        "problems": [{"source": "hr", "line": 3, "key": None, "detail": "bad"}],
    },
}
TARGET = ("plan", "targets", "wiki")
PLACES = [
    (),
    ("saved",),
    *(("saved", name) for name in FILE["saved"]),
    ("plan",),
    *(("plan", name) for name in FILE["plan"]),
    ("plan", "problems", 0),
    *(("plan", "problems", 0, name) for name in FILE["plan"]["problems"][0]),
    TARGET,
    *((*TARGET, name) for name in FILE["plan"]["targets"]["wiki"]),
    (*TARGET, "counts", "adopt"),
    *((*TARGET, "operations", 0, name) for name in OPERATION),
    *((*TARGET, "operations", 0, "changes", 0, name) for name in ("path", "before", "after")),
    *((*TARGET, "operations", 0, "adoption", name) for name in ("remote_id", "matched")),
    *((*TARGET, "operations", 1, "changes", 0, name) for name in ("path", "after", "name")),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def test_a_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "tonight.plan"
    path.write_bytes(orjson.dumps(FILE))

    read = read_plan(path)

    (wiki,) = read.plan.targets
    adopted, joined = wiki.operations()
    assert (read.name, read.keys, wiki.url) == ("tonight.plan", ("1",), "https://wiki.example.com")
    assert (adopted.name, adopted.operation.matched) == ("Ann", ("userName",))
    assert joined.members(added=True) == [("1", "Ann")]
    assert read.plan.guard == ("guard.max_removals: 7 of 7",)
    assert wiki.warnings == ("careful",)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"id,name\n", b"\xff", b'{"plan": []}'])
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tonight.plan"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match="this is no saved plan"):
        read_plan(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(PLACES), JSON)
def test_another_value_anywhere_is_shown_or_refused(
    tmp_path: Path,
    place: tuple[str | int, ...],
    value: Any,
) -> None:
    document: Any = {"": deepcopy(FILE)}
    inner = document
    for step in ("", *place[:-1]):
        inner = inner[step]
    if place:
        inner[place[-1]] = value
    else:
        document[""] = value
    path = tmp_path / "tonight.plan"
    path.write_bytes(orjson.dumps(document[""]))

    with suppress(ConfigError):
        read = read_plan(path)
        text_plan(read.plan)
        assert list(markdown_plan(read.plan))
        assert list(html_plan(read.plan, {}))
        assert not any(target.differs for target in plan_diff(read, read))
