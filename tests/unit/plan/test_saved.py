"""Plan files: what is no plan is refused with one message, whatever is wrong with it."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimsync.errors import ConfigError
from scimsync.model.ids import Key
from scimsync.plan.plan_digest import with_digest
from scimsync.plan.saved import SavedPlan, carrying_header, changed_settings, read_saved

HEAD = {
    "scimsync_plan": 5,
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
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tonight.plan"
        path.write_bytes(content)
        return read_saved(path)


def written(document: Any) -> bytes:
    """Return a plan file with its digest."""
    return b"".join(with_digest([orjson.dumps(document)[:-1], b",\n"]))


def saved(**changes: Any) -> SavedPlan:
    return parse(written({"saved": HEAD | changes, "plan": {}}))


def refused(content: bytes, code: str = "SYNC-0909") -> str:
    with pytest.raises(ConfigError) as caught:
        parse(content)
    assert (caught.value.code, caught.value.exit_code) == (code, 2)
    return caught.value.message.rpartition("/")[2]


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
        again="plan -t wiki -k KEY --out FILE",
    )


@settings(max_examples=100, derandomize=True)
@given(st.sampled_from(PLACES), JSON)
def test_a_value_of_another_type_is_no_plan(path: tuple[str | int, ...], value: Any) -> None:
    document = with_value(path, value)
    with suppress(ConfigError):
        read = parse(written(document) if isinstance(document, dict) else orjson.dumps(document))
        head = document["saved"]
        assert (list(read.targets), list(read.keys)) == (
            head["options"]["targets"],
            head["options"]["keys"],
        )
        assert (read.counts, read.settings) == (head["operations"], head["settings"])


@pytest.mark.parametrize("cut", range(2, 240, 13))
def test_a_plan_that_is_cut_off_is_none(cut: int) -> None:
    content = written({"saved": HEAD, "plan": {}})
    assert "changed or truncated" in refused(content[:-cut], "SYNC-0918")


@settings(max_examples=100, derandomize=True)
@given(st.integers(9, len(written({"saved": HEAD, "plan": {}})) - 2), st.integers(1, 255))
def test_no_byte_of_a_plan_file_can_be_changed(at: int, by: int) -> None:
    content = bytearray(written({"saved": HEAD, "plan": {}}))
    content[at] ^= by
    with pytest.raises(ConfigError):
        parse(bytes(content))


def test_a_last_line_end_makes_no_difference() -> None:
    assert parse(written({"saved": HEAD, "plan": {}}).removesuffix(b"\n")) == saved()


@pytest.mark.parametrize("version", [3, 4])
def test_plans_of_earlier_formats_have_no_digest(version: int) -> None:
    carried: dict[str, Any] = {}
    if version == 4:
        head = carrying_header(HEAD, {"wiki": {}}, "revert 2")
        carried = {name: head[name] for name in ("carried", "command", "fingerprint")}
    document = {"saved": HEAD | carried | {"scimsync_plan": version}, "plan": {}}

    read = parse(orjson.dumps(document))

    assert not read.has_digest
    assert (read.carried, read.again) == (
        (None, "plan -t wiki -k KEY --out FILE")
        if version == 3
        else ({"wiki": {}}, "revert 2 -t wiki -k KEY --out FILE")
    )
    content = written(document | {"plan": {"a": 1}})
    assert "changed or truncated" in refused(content[:-9], "SYNC-0918")
    refused(written(document).replace(b'"plan":{', b'"plan": {'), "SYNC-0918")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"plan": {}}',
        b'{"saved": {}, "plan": {}}',
        written({"saved": {}, "plan": {}}),
        written({"saved": {"scimsync_plan": True}, "plan": {}}),
        written({"saved": {"scimsync_plan": "5"}, "plan": {}}),
        written({"saved": HEAD}),
        written({"saved": HEAD, "plan": []}),
        orjson.dumps({"saved": HEAD | {"scimsync_plan": 4}, "plan": {}}),  # without its operations
        b"\0" * 10,
    ],
)
def test_what_is_no_plan_is_refused(content: bytes) -> None:
    assert refused(content) == "tonight.plan: this is not a saved plan"


@pytest.mark.parametrize("version", [0, 2, 6, -1])
def test_a_plan_of_another_version_is_refused(version: int) -> None:
    head = HEAD | {"scimsync_plan": version}
    message = refused(written({"saved": head, "plan": {}}))
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
