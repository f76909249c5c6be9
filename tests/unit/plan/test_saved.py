"""Plan files: what is no plan is refused with one message, whatever is wrong with it."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimsync.errors import ConfigError
from scimsync.model.ids import Key
from scimsync.plan.saved import SavedPlan, changed_settings, parse_saved

FILE = Path("tonight.plan")
HEAD = {
    "scimsync_plan": 3,
    "options": {"targets": ["wiki"], "keys": ["00001"]},
    "settings": {"wiki": {"url": "1f", "auth": "2e"}},
    "operations": {"wiki": 3},
    "fingerprint": "aa",
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
PLACES = [
    (),
    *(("saved", *path) for path in ((), *((name,) for name in HEAD))),
    ("saved", "options", "targets"),
    ("saved", "options", "targets", 0),
    ("saved", "options", "keys"),
    ("saved", "options", "keys", 0),
    ("saved", "settings", "wiki"),
    ("saved", "settings", "wiki", "url"),
    ("saved", "operations", "wiki"),
]


def parse(content: bytes) -> SavedPlan:
    return parse_saved(FILE, content)


def saved(**changes: Any) -> SavedPlan:
    return parse(orjson.dumps({"saved": HEAD | changes, "plan": {}}))


def refused(content: bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(content)
    assert (caught.value.code, caught.value.exit_code) == ("SYNC-0909", 2)
    return caught.value.message


def with_value(path: tuple[str | int, ...], value: Any) -> Any:
    document: Any = {"saved": deepcopy(HEAD), "plan": {}}
    if not path:
        return value
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return document


def test_a_plan_is_read_as_it_was_saved() -> None:
    assert saved() == SavedPlan(
        "tonight.plan",
        ("wiki",),
        (Key("00001"),),
        {"wiki": {"url": "1f", "auth": "2e"}},
        {"wiki": 3},
        "aa",
    )


@settings(max_examples=100, derandomize=True)
@given(st.sampled_from(PLACES), JSON)
def test_a_value_of_another_type_is_no_plan(path: tuple[str | int, ...], value: Any) -> None:
    document = with_value(path, value)
    with suppress(ConfigError):
        read = parse(orjson.dumps(document))
        head = document["saved"]
        assert (list(read.targets), list(read.keys)) == (
            head["options"]["targets"],
            head["options"]["keys"],
        )
        assert (read.counts, read.settings) == (head["operations"], head["settings"])


@settings(max_examples=30, derandomize=True)
@given(st.integers(0, len(orjson.dumps({"saved": HEAD, "plan": {}})) - 1))
def test_a_plan_that_is_cut_off_is_none(length: int) -> None:
    refused(orjson.dumps({"saved": HEAD, "plan": {}})[:length])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"saved":' * 5_000,
        b'{"saved": {"scimsync_plan": 1e999}}',
        b'{"saved": {"scimsync_plan": true}}',
        b'{"saved": {"scimsync_plan": "3"}}',
        orjson.dumps({"saved": HEAD | {"scimsync_plan": 4}}),  # without its operations
        orjson.dumps({"saved": HEAD}).replace(b":3}", b":99999999999999999999999}"),
        orjson.dumps({"saved": HEAD}).replace(b'"00001"', b'"\\ud800"'),
        b"\0" * 10,
    ],
)
def test_what_is_no_plan_is_refused(content: bytes) -> None:
    assert refused(content) == "tonight.plan: this is no saved plan"


@pytest.mark.parametrize("version", [0, 2, 5, -1])
def test_a_plan_of_another_version_is_refused(version: int) -> None:
    head = HEAD | {"scimsync_plan": version}
    message = refused(orjson.dumps({"saved": head}))
    assert message == "tonight.plan: this plan was saved by another version of scimsync"


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({"wiki": {"url": "1f", "auth": "2e"}}, None),
        ({"wiki": {"url": "1f", "auth": "2d"}}, "wiki: auth"),
        ({"wiki": {"url": "1f"}}, "wiki: auth"),
        ({"wiki": {"url": "11", "auth": "2d", "new": "1"}}, "wiki: auth, new, url"),
        ({}, "wiki: no longer a target"),
        ({"wiki": {"url": "1f", "auth": "2e"}, "chat": {}}, "chat: new"),
    ],
)
def test_changed_settings_are_named(now: dict[str, dict[str, str]], why: str | None) -> None:
    found = changed_settings(saved(), now)
    if why is None:
        assert found is None
    else:
        assert found is not None
        assert found.endswith(f"have changed ({why})")
