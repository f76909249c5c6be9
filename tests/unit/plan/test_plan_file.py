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
from scimsync.plan.plan_text import OperationLines
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
        "scimsync_plan": 3,
        "made_at": "2026-03-02T08:00:00+00:00",
        "urls": {"wiki": "https://wiki.example.com"},
        "options": {"targets": [], "keys": ["1"]},
        "settings": {},
        "operations": {},
        "fingerprint": "aa",
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
    assert read.saved is not None
    assert (read.name, read.saved.keys) == ("tonight.plan", ("1",))
    assert wiki.url == "https://wiki.example.com"
    assert (adopted.name, adopted.operation.matched) == ("Ann", ("userName",))
    assert joined.members(added=True) == [("1", "Ann")]
    assert read.plan.guard == ("guard.max_removals: 7 of 7",)
    assert wiki.warnings == ("careful",)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"id,name\n", b"\xff", b'{"plan": []}'])
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tonight.plan"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match="this is not a saved plan"):
        read_plan(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(PLACES), JSON, st.booleans())
def test_another_value_anywhere_is_shown_or_refused(
    tmp_path: Path,
    place: tuple[str | int, ...],
    value: Any,
    in_lines: bool,
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
    content = orjson.dumps(document[""])
    with suppress(AttributeError, LookupError, TypeError):
        content = lines(document[""]) if in_lines else content
    path.write_bytes(content)

    with suppress(ConfigError):
        read = read_plan(path)
        text_plan(read.plan)
        assert list(markdown_plan(read.plan))
        assert list(html_plan(read.plan, {}))
        assert not any(target.differs for target in plan_diff(read, read))


def lines(document: Any) -> bytes:
    """Return a plan as `plan --out` writes it: each operation on a line."""
    text = b'{"saved": ' + orjson.dumps(document["saved"]) + b',\n"plan": {"targets": {'
    for number, (name, target) in enumerate(document["plan"]["targets"].items()):
        operations = b",".join(b"\n" + orjson.dumps(one) for one in target["operations"])
        rest = orjson.dumps({key: one for key, one in target.items() if key != "operations"})
        text += b", " * bool(number) + orjson.dumps(name) + b': {"operations": ['
        text += operations + b"], " + rest[1:]
    rest = orjson.dumps({key: one for key, one in document["plan"].items() if key != "targets"})
    return text + b"},\n" + rest[1:] + b"}\n"


@pytest.mark.parametrize("numbers", [(0,), (1,), (3,), (2, 0, 1), (0, 0), ()])
def test_lines_are_read_as_they_are_needed(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    document = deepcopy(FILE)
    document["plan"]["targets"] = {
        f"t{at}": {"counts": {}, "operations": [OPERATION, MEMBERS, OPERATION][:number]}
        | {"error": None}
        for at, number in enumerate(numbers)
    }
    path = tmp_path / "tonight.plan"
    path.write_bytes(lines(document))
    assert orjson.loads(path.read_bytes()) == document

    targets = read_plan(path).document["targets"]

    for target, number in zip(targets.values(), numbers, strict=True):
        assert isinstance(target["operations"], OperationLines) is (number > 0)
        for _ in range(2):
            assert list(target["operations"]) == [OPERATION, MEMBERS, OPERATION][:number]


@pytest.mark.parametrize("cut", range(2, 740, 37))
def test_a_plan_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "tonight.plan"
    path.write_bytes(lines(FILE)[:-cut])

    with pytest.raises(ConfigError, match="changed or truncated after it was saved"):
        read_plan(path)


@pytest.mark.parametrize("name", ["scimsync_plan", "options", "settings", "fingerprint"])
def test_a_plan_that_push_would_not_take_is_not_shown(tmp_path: Path, name: str) -> None:
    document = deepcopy(FILE)
    del document["saved"][name]
    path = tmp_path / "tonight.plan"
    path.write_bytes(lines(document))

    with pytest.raises(ConfigError, match="this is not a saved plan"):
        read_plan(path)
