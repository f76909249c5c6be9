"""What a process counts, in the text format of Prometheus."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scimsync import __version__
from scimsync.daemon.metrics import Figures, exposition
from scimsync.errors import ConfigError
from scimsync.transport.observer import Observer

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def samples(text: bytes) -> dict[str, float]:
    """`name{label="value"}` -> value, of all samples; none has a timestamp, and none stands there
    twice."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text.decode()):
        for one in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(one.labels.items()))
            name = f"{one.name}{{{labels}}}" if labels else one.name
            assert (one.timestamp, name in found) == (None, False)
            found[name] = one.value
    return found


def told(figures: Figures) -> dict[str, float]:
    """All samples but those that are 0."""
    return {
        name: value
        for name, value in samples(exposition(figures, [], process=False)).items()
        if value
    }


def buckets(found: dict[str, float], start: str) -> list[float]:
    """The values of the buckets of a histogram, from the lowest on."""
    return [value for name, value in found.items() if name.startswith(start)]


def test_a_process_that_did_nothing_says_its_version_and_that_no_run_ended() -> None:
    found = samples(exposition(Figures(), [], process=False))

    runs = {name: value for name, value in found.items() if name.startswith("scimsync_runs_total")}
    assert (len(runs), set(runs.values())) == (5 * 6, {0.0})
    assert 'scimsync_runs_total{cause="schedule",outcome="error"}' in runs
    assert found == runs | {f'scimsync_build_info{{version="{__version__}"}}': 1.0}


def test_requests_are_counted_by_the_status_of_their_answer() -> None:
    figures = Figures()
    observe: Observer = figures.request

    observe("wiki", "POST", 201, 0.05)
    observe("wiki", "POST", 201, 0.2)
    observe("wiki", "POST", None, 30.5)
    observe("chat", "GET", 200, 100.0)

    found = samples(exposition(figures, [], process=False))
    assert {
        name: value for name, value in found.items() if name.startswith("scimsync_requests_total")
    } == {
        'scimsync_requests_total{method="GET",status="200",target="chat"}': 1,
        'scimsync_requests_total{method="POST",status="201",target="wiki"}': 2,
        'scimsync_requests_total{method="POST",status="none",target="wiki"}': 1,
    }
    of_posts = {
        name: value for name, value in found.items() if 'method="POST",target="wiki"' in name
    }
    assert (
        of_posts[
            "scimsync_request_duration_seconds_bucket{" + 'le="0.05",method="POST",target="wiki"}'
        ]
        == 1
    )
    assert buckets(of_posts, "scimsync_request_duration_seconds_bucket") == [
        0,
        0,
        1,
        1,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        3,
        3,
    ]
    assert of_posts['scimsync_request_duration_seconds_count{method="POST",target="wiki"}'] == 3
    assert of_posts[
        'scimsync_request_duration_seconds_sum{method="POST",target="wiki"}'
    ] == pytest.approx(30.75)
    chat = {name: value for name, value in found.items() if 'method="GET",target="chat"' in name}
    assert buckets(chat, "scimsync_request_duration_seconds_bucket") == [0] * 12 + [1]


def test_runs_are_counted_by_what_started_them_and_how_they_ended() -> None:
    figures = Figures()

    figures.run("schedule", "done", 4)
    figures.run("schedule", "stopped", 40)
    figures.run("file", "done", 100_000)

    found = told(figures)
    assert found['scimsync_runs_total{cause="schedule",outcome="done"}'] == 1
    assert found['scimsync_runs_total{cause="schedule",outcome="stopped"}'] == 1
    assert found['scimsync_runs_total{cause="file",outcome="done"}'] == 1
    assert found['scimsync_run_duration_seconds_sum{cause="schedule"}'] == 44
    assert found['scimsync_run_duration_seconds_bucket{cause="schedule",le="5.0"}'] == 1
    assert found['scimsync_run_duration_seconds_bucket{cause="file",le="+Inf"}'] == 1
    assert 'scimsync_run_duration_seconds_bucket{cause="file",le="21600.0"}' not in found


def test_operations_count_once_they_have_an_outcome() -> None:
    figures = Figures()

    figures.operations(
        "wiki",
        {
            ("create", "applied"): 3,
            ("create", "failed"): 1,
            ("update", "planned"): 7,
            ("update", "sent"): 1,
        },
    )
    figures.operations("wiki", {("create", "applied"): 2, ("update", "skipped"): 4})

    name = "scimsync_operations_total"
    assert {key: value for key, value in told(figures).items() if key.startswith(name)} == {
        name + '{action="create",outcome="applied",target="wiki"}': 5,
        name + '{action="create",outcome="failed",target="wiki"}': 1,
        name + '{action="update",outcome="skipped",target="wiki"}': 4,
    }


def test_the_first_failure_at_a_target_is_a_step_from_0_to_1() -> None:
    figures = Figures()
    failed = 'scimsync_operations_total{action="delete",outcome="failed",target="wiki"}'

    figures.operations("wiki", {})

    assert samples(exposition(figures, [], process=False))[failed] == 0


def test_a_sync_toml_that_cannot_be_used_leaves_the_one_before_in_force() -> None:
    figures = Figures()

    figures.reloaded(True, NOW)
    figures.reloaded(False, NOW + timedelta(hours=1))

    found = samples(exposition(figures, [], process=False))
    assert found["scimsync_config_reload_successful"] == 0
    assert found["scimsync_config_loaded_timestamp_seconds"] == NOW.timestamp()


def test_a_target_without_a_schedule_has_no_next_run() -> None:
    figures = Figures()
    figures.planned({"chat": NOW})

    figures.planned({"wiki": NOW, "chat": None})

    found = samples(exposition(figures, [], process=False))
    assert {name: value for name, value in found.items() if "next_run" in name} == {
        'scimsync_next_run_timestamp_seconds{target="wiki"}': NOW.timestamp()
    }


def test_memory_of_the_process_is_told_where_it_is_asked_for() -> None:
    name = "process_resident_memory_bytes"
    assert samples(exposition(Figures(), [], process=True))[name] > 1_000_000
    assert name not in samples(exposition(Figures(), [], process=False))


def test_threads_that_count_at_once_lose_nothing() -> None:
    figures = Figures()

    def count() -> None:
        for _ in range(2000):
            figures.request("wiki", "GET", 200, 0.1)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            for _ in range(8):
                threads.submit(count)
    finally:
        sys.setswitchinterval(interval)

    found = told(figures)
    assert found['scimsync_requests_total{method="GET",status="200",target="wiki"}'] == 16_000
    assert found['scimsync_request_duration_seconds_count{method="GET",target="wiki"}'] == 16_000


def test_what_is_optional_is_loaded_when_it_is_used() -> None:
    program = (
        "import sys\n"
        "for name in ('prometheus_client', 'starlette', 'uvicorn'): sys.modules[name] = None\n"
        "from scimsync.daemon import health, metrics\n"
        "metrics.Figures().run('command', 'done', 1.0)\n"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_without_prometheus_client_a_process_counts_and_says_what_telling_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    figures = Figures()
    figures.request("wiki", "GET", 200, 0.1)

    with pytest.raises(ConfigError, match="needs prometheus-client") as raised:
        exposition(figures, [], process=False)

    assert raised.value.hint == "pip install 'scimsync[metrics]' brings it"
