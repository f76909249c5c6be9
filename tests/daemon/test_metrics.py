"""Metrics that a process counts, in the text format of Prometheus."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from scimsync import __version__
from scimsync.daemon.metrics import DaemonMetrics, PushMetrics, next_run_gauge
from scimsync.errors import ConfigError, StateError
from scimsync.transport.observer import Observer

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def samples(text: bytes) -> dict[str, float]:
    """`name{label="value"}` -> value of all samples; each is unique and has no timestamp."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text.decode()):
        for one in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(one.labels.items()))
            name = f"{one.name}{{{labels}}}" if labels else one.name
            assert (one.timestamp, name in found) == (None, False)
            found[name] = one.value
    return found


def nonzero(metrics: PushMetrics) -> dict[str, float]:
    return {name: value for name, value in samples(metrics.expose()).items() if value}


def buckets(found: dict[str, float], start: str) -> list[float]:
    """The values of the buckets of a histogram, from the lowest up."""
    return [value for name, value in found.items() if name.startswith(start)]


def test_before_the_first_run_there_is_the_version_and_zero_for_each_kind_of_run() -> None:
    found = samples(DaemonMetrics().expose())

    runs = {name: value for name, value in found.items() if name.startswith("scimsync_runs_total")}
    assert (len(runs), set(runs.values())) == (5 * 6, {0.0})
    assert 'scimsync_runs_total{cause="schedule",outcome="error"}' in runs
    assert found[f'scimsync_build_info{{version="{__version__}"}}'] == 1
    assert not [name for name in found if name.endswith("_created")]


def test_requests_are_counted_by_response_status() -> None:
    metrics = PushMetrics()
    observe: Observer = metrics.record_request

    observe("wiki", "POST", 201, 0.05)
    observe("wiki", "POST", 201, 0.2)
    observe("wiki", "POST", None, 30.5)
    observe("chat", "GET", 200, 100.0)

    found = samples(metrics.expose())
    assert {
        name: value for name, value in found.items() if name.startswith("scimsync_requests_total")
    } == {
        'scimsync_requests_total{method="GET",status="200",target="chat"}': 1,
        'scimsync_requests_total{method="POST",status="201",target="wiki"}': 2,
        'scimsync_requests_total{method="POST",status="none",target="wiki"}': 1,
    }
    posts = {name: value for name, value in found.items() if 'method="POST",target="wiki"' in name}
    bucket = "scimsync_request_duration_seconds_bucket"
    assert posts[bucket + '{le="0.05",method="POST",target="wiki"}'] == 1
    assert buckets(posts, bucket) == [0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3]
    assert posts['scimsync_request_duration_seconds_count{method="POST",target="wiki"}'] == 3
    assert posts[
        'scimsync_request_duration_seconds_sum{method="POST",target="wiki"}'
    ] == pytest.approx(30.75)
    chat = {name: value for name, value in found.items() if 'method="GET",target="chat"' in name}
    assert buckets(chat, bucket) == [0] * 12 + [1]


def test_runs_are_counted_by_cause_and_outcome() -> None:
    metrics = DaemonMetrics()

    metrics.record_run("schedule", "done", 4)
    metrics.record_run("schedule", "stopped", 40)
    metrics.record_run("file", "done", 100_000)

    found = nonzero(metrics)
    assert found['scimsync_runs_total{cause="schedule",outcome="done"}'] == 1
    assert found['scimsync_runs_total{cause="schedule",outcome="stopped"}'] == 1
    assert found['scimsync_runs_total{cause="file",outcome="done"}'] == 1
    assert found['scimsync_run_duration_seconds_sum{cause="schedule"}'] == 44
    assert found['scimsync_run_duration_seconds_bucket{cause="schedule",le="5.0"}'] == 1
    assert found['scimsync_run_duration_seconds_bucket{cause="file",le="+Inf"}'] == 1
    assert 'scimsync_run_duration_seconds_bucket{cause="file",le="21600.0"}' not in found


def test_operations_count_once_they_have_a_final_status() -> None:
    metrics = DaemonMetrics()

    metrics.record_operations(
        "wiki",
        {
            ("create", "applied"): 3,
            ("create", "failed"): 1,
            ("update", "planned"): 7,
            ("update", "sent"): 1,
        },
    )
    metrics.record_operations("wiki", {("create", "applied"): 2, ("update", "skipped"): 4})

    name = "scimsync_operations_total"
    assert {key: value for key, value in nonzero(metrics).items() if key.startswith(name)} == {
        name + '{action="create",outcome="applied",target="wiki"}': 5,
        name + '{action="create",outcome="failed",target="wiki"}': 1,
        name + '{action="update",outcome="skipped",target="wiki"}': 4,
    }


def test_the_first_failure_at_a_target_is_a_step_from_0_to_1() -> None:
    metrics = DaemonMetrics()
    failed = 'scimsync_operations_total{action="delete",outcome="failed",target="wiki"}'

    metrics.record_operations("wiki", {})

    assert samples(metrics.expose())[failed] == 0


def test_an_invalid_sync_toml_leaves_the_previous_one_in_force() -> None:
    metrics = DaemonMetrics()

    metrics.record_config(True, NOW)
    metrics.record_config(False, NOW + timedelta(hours=1))

    found = samples(metrics.expose())
    assert found["scimsync_config_reload_successful"] == 0
    assert found["scimsync_config_loaded_timestamp_seconds"] == NOW.timestamp()


def test_a_target_without_a_schedule_has_no_next_run() -> None:
    metrics = PushMetrics()
    metrics.add_collector(lambda: [next_run_gauge({"wiki": NOW, "chat": None})])

    assert {name: value for name, value in nonzero(metrics).items() if "next_run" in name} == {
        'scimsync_next_run_timestamp_seconds{target="wiki"}': NOW.timestamp()
    }


def test_only_a_daemon_exposes_its_process() -> None:
    name = "process_resident_memory_bytes"
    assert samples(DaemonMetrics().expose())[name] > 1_000_000
    assert name not in samples(PushMetrics().expose())


def test_an_error_of_a_collector_is_not_hidden() -> None:
    def collect() -> list[Metric]:
        raise StateError("scimsync.db: the state cannot be read", code="SYNC-0607")

    metrics = PushMetrics()
    metrics.add_collector(collect)

    with pytest.raises(StateError):
        metrics.expose()


def test_threads_that_count_at_once_lose_nothing() -> None:
    metrics = PushMetrics()

    def count() -> None:
        for _ in range(2000):
            metrics.record_request("wiki", "GET", 200, 0.1)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            for _ in range(8):
                threads.submit(count)
    finally:
        sys.setswitchinterval(interval)

    found = nonzero(metrics)
    assert found['scimsync_requests_total{method="GET",status="200",target="wiki"}'] == 16_000
    assert found['scimsync_request_duration_seconds_count{method="GET",target="wiki"}'] == 16_000


def test_optional_packages_are_loaded_only_when_used() -> None:
    program = (
        "import sys\n"
        "for name in ('prometheus_client', 'starlette', 'uvicorn'): sys.modules[name] = None\n"
        "from scimsync.daemon import after_push, health, metrics\n"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_without_prometheus_client_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(ConfigError, match="prometheus-client is not installed") as raised:
        PushMetrics()

    assert raised.value.hint == "install it with: pip install 'scimsync[metrics]'"
