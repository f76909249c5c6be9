"""The HTTP endpoint of the daemon, queried by a client as monitoring does."""

from __future__ import annotations

import http.client
import json
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from scimsync.config.models import Health
from scimsync.daemon.health import HealthEndpoint, ProbeStatus
from scimsync.errors import ConfigError, StateError
from tests.error_text import text_of

READY = ProbeStatus(True, "pushes run as scheduled")


@dataclass
class FakeDaemon:
    """Answers that a test chooses."""

    live: Callable[[], ProbeStatus] = lambda: ProbeStatus(True, "idle")
    ready: ProbeStatus = READY
    figures: Callable[[], bytes] = lambda: b"scimsync_up 1.0\n"
    threads: set[str] = field(default_factory=set)

    def liveness(self) -> ProbeStatus:
        return self.live()

    def readiness(self) -> ProbeStatus:
        return self.ready

    def metrics(self) -> bytes:
        self.threads.add(threading.current_thread().name)
        return self.figures()


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> tuple[int, dict[str, str]]:
        assert self.headers["content-type"] == "application/json"
        return self.status, json.loads(self.body)


@dataclass(frozen=True)
class Served:
    endpoint: HealthEndpoint
    port: int

    def ask(self, path: str, method: str = "GET", host: str | None = None) -> Response:
        headers = {} if host is None else {"Host": host}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, headers, answer.read())


def free_port(host: str = "127.0.0.1") -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def serving(daemon: FakeDaemon, **settings: float) -> Iterator[Served]:
    endpoint = HealthEndpoint(daemon, **settings)
    endpoint.serve_at(Health(port=(port := free_port()), host="127.0.0.1"))
    try:
        yield Served(endpoint, port)
    finally:
        endpoint.stop()


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


@pytest.fixture
def served(daemon: FakeDaemon) -> Iterator[Served]:
    with serving(daemon) as one:
        yield one


def threads_left() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "health"]


def test_a_working_daemon_passes_both_probes(served: Served) -> None:
    assert served.ask("/healthz").document == (200, {"status": "ok", "detail": "idle"})
    assert served.ask("/readyz").document == (
        200,
        {"status": "ok", "detail": "pushes run as scheduled"},
    )


def test_each_probe_fails_on_its_own_page(served: Served, daemon: FakeDaemon) -> None:
    daemon.ready = ProbeStatus(False, "the state database is unavailable")
    assert served.ask("/readyz").document == (
        503,
        {"status": "failing", "detail": "the state database is unavailable"},
    )
    assert served.ask("/healthz").status == 200

    daemon.live = lambda: ProbeStatus(False, "no progress for 10 minutes")
    assert served.ask("/healthz").document == (
        503,
        {"status": "failing", "detail": "no progress for 10 minutes"},
    )


def test_metrics_have_the_content_type_of_prometheus(served: Served) -> None:
    response = served.ask("/metrics")

    assert (response.status, response.body) == (200, b"scimsync_up 1.0\n")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_only_reading_is_allowed(served: Served, path: str) -> None:
    head = served.ask(path, "HEAD")
    assert (head.status, head.body, int(head.headers["content-length"]) > 0) == (200, b"", True)
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        response = served.ask(path, method)
        assert response.document == (405, {"detail": "Method Not Allowed"})
        assert response.headers["allow"] in ("GET, HEAD", "HEAD, GET")


@pytest.mark.parametrize("path", ["/", "/healthz/", "/metrics/x", "/docs", "/%00"])
def test_other_paths_do_not_exist(served: Served, path: str) -> None:
    assert served.ask(path).document == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nothing"])
def test_responses_are_not_cached_and_do_not_name_the_server(served: Served, path: str) -> None:
    headers = served.ask(path).headers

    assert headers["cache-control"] == "no-store"
    assert not {"server", "x-powered-by"} & set(headers)
    assert "uvicorn" not in str(headers).lower()


def test_an_error_goes_to_the_log_and_not_to_the_client(
    served: Served, daemon: FakeDaemon, caplog: pytest.LogCaptureFixture
) -> None:
    def no_state() -> bytes:
        raise StateError("scimsync.db: the state cannot be read", code="SYNC-0607")

    def bug() -> bytes:
        raise ZeroDivisionError("a secret of 00001")

    working = daemon.figures
    daemon.figures = no_state
    failed = {"detail": "the check itself failed; see the log"}
    assert served.ask("/metrics").document == (500, failed)
    daemon.figures = bug
    assert served.ask("/metrics").document == (500, failed)

    assert [(one.name, one.levelname, one.getMessage()) for one in caplog.records] == [
        ("scimsync", "ERROR", "/metrics: scimsync.db: the state cannot be read"),
        ("scimsync", "ERROR", "/metrics: unexpected error"),
    ]
    assert [one.exc_info is not None for one in caplog.records] == [False, True]
    daemon.figures = working
    assert served.ask("/metrics").status == 200


def test_a_probe_that_raises_fails(
    served: Served, daemon: FakeDaemon, caplog: pytest.LogCaptureFixture
) -> None:
    def bug() -> ProbeStatus:
        raise ZeroDivisionError

    daemon.live = bug

    assert served.ask("/healthz").document == (
        503,
        {"status": "failing", "detail": "the check itself failed; see the log"},
    )
    assert [one.getMessage() for one in caplog.records] == ["/healthz: unexpected error"]


def test_slow_metrics_do_not_block_the_probes(served: Served, daemon: FakeDaemon) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> bytes:
        begun.set()
        go_on.wait()
        return b"late 1.0\n"

    daemon.figures = slow
    responses: list[Response] = []
    scraper = threading.Thread(target=lambda: responses.append(served.ask("/metrics")))
    scraper.start()
    assert begun.wait(20)

    assert served.ask("/healthz").status == 200
    go_on.set()
    scraper.join()
    assert responses[0].body == b"late 1.0\n"
    assert "health" not in daemon.threads


def test_metrics_are_read_one_at_a_time_and_stopping_does_not_wait_for_them(
    daemon: FakeDaemon,
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    readings = []

    def hang() -> bytes:
        readings.append(threading.current_thread())
        begun.set()
        go_on.wait()
        return b""

    daemon.figures = hang
    responses: list[Response] = []
    with serving(daemon) as served:
        scrapers = [
            threading.Thread(target=lambda: responses.append(served.ask("/metrics")))
            for _ in range(2)
        ]
        for scraper in scrapers:
            scraper.start()
        assert begun.wait(20)

    for scraper in scrapers:
        scraper.join()
    assert (len(readings), threads_left()) == (1, [])
    go_on.set()
    stopping = (503, {"detail": "the daemon is stopping"})
    assert [one.document for one in responses] == [stopping] * 2


def test_after_stopping_the_port_is_free_and_no_thread_is_left(daemon: FakeDaemon) -> None:
    with serving(daemon) as served:
        idle = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
        with closing(idle):
            idle.request("GET", "/healthz")
            idle.getresponse().read()  # and the connection stays open

            served.endpoint.stop()

        assert threads_left() == []
        served.endpoint.serve_at(Health(port=served.port, host="127.0.0.1"))
        assert served.ask("/healthz").status == 200
        served.endpoint.stop()


def test_a_client_that_never_finishes_its_request_does_not_delay_stopping(
    daemon: FakeDaemon,
) -> None:
    with (
        serving(daemon) as served,
        socket.create_connection(("127.0.0.1", served.port)) as client,
    ):
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x")
        assert served.ask("/healthz").status == 200

        served.endpoint.stop()

        assert threads_left() == []


def test_a_malformed_request_is_refused_and_not_logged(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 400")

    assert [one.getMessage() for one in caplog.records] == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LocalHost.:9787",
        "[::1]:80",
        "10.0.0.7:9787",
        socket.gethostname(),
    ],
)
@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_a_request_may_name_this_machine(served: Served, path: str, host: str) -> None:
    assert served.ask(path, host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "evil.example.com:9787",
        "127.0.0.1.example.com",
        "localhost.example.com",
        "[evil]:80",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nothing"])
def test_a_request_for_another_host_is_refused(
    served: Served, daemon: FakeDaemon, path: str, host: str
) -> None:
    assert served.ask(path, host=host).document == (
        421,
        {"detail": "unknown Host header; [health] hosts in sync.toml adds names"},
    )
    assert daemon.threads == set()


def test_sync_toml_adds_names_of_this_machine(served: Served) -> None:
    assert served.ask("/healthz", host="scimsync.example.com").status == 421

    named = Health(port=served.port, host="127.0.0.1", hosts=("scimsync.example.com",))
    served.endpoint.serve_at(named)

    assert served.ask("/healthz", host="SCIMSYNC.example.com:80").status == 200
    assert served.ask("/healthz", host="other.example.com").status == 421


def test_a_request_of_http_1_0_needs_no_host(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"], ids=["silent", "half"]
)
def test_many_connections_without_a_request_do_not_keep_it_from_answering(
    served: Served, begun: bytes
) -> None:
    with ExitStack() as stack:
        clients = []
        for _ in range(600):
            client = socket.create_connection(("127.0.0.1", served.port), timeout=20)
            clients.append(stack.enter_context(client))
            with suppress(ConnectionError):  # it has made room for others already
                client.sendall(begun)

        for path in ("/healthz", "/readyz", "/metrics"):
            assert served.ask(path).status == 200
        assert is_closed(clients[0])
        assert not is_closed(clients[-1])


def test_a_response_in_the_making_does_not_make_room(served: Served, daemon: FakeDaemon) -> None:
    begun, finish = threading.Event(), threading.Event()

    def slow() -> bytes:
        begun.set()
        assert finish.wait(20)
        return b"figures"

    daemon.figures = slow
    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        scrape = pool.submit(served.ask, "/metrics")
        assert begun.wait(20)
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
        assert served.ask("/healthz").status == 200
        finish.set()
        assert scrape.result(20).body == b"figures"


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
        # after a whole request, the next one has no more time
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /h",
        # a body that never occurs
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
    ],
    ids=["silent", "half", "second", "body"],
)
def test_a_request_that_does_not_arrive_in_time_ends_the_connection(
    daemon: FakeDaemon, begun: bytes
) -> None:
    with (
        serving(daemon, request_timeout_s=0.2) as served,
        socket.create_connection(("127.0.0.1", served.port), timeout=20) as client,
    ):
        client.sendall(begun)
        with suppress(ConnectionError):  # the connection may be reset instead of closed
            client.makefile("rb").read()


def test_a_response_may_take_longer_than_a_request(daemon: FakeDaemon) -> None:
    def slow() -> bytes:
        time.sleep(0.6)
        return b"figures"

    daemon.figures = slow
    with serving(daemon, request_timeout_s=0.2) as served:
        assert served.ask("/metrics").body == b"figures"


def is_closed(client: socket.socket) -> bool:
    """Whether the other side has closed the connection."""
    client.settimeout(0.2)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_signals_and_our_logging_stay_as_they_are(
    daemon: FakeDaemon, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def settings() -> list[object]:
        loggers = [logging.getLogger(name) for name in (None, "scimsync")]
        return [
            *((one.level, one.propagate, list(one.handlers), one.disabled) for one in loggers),
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
            logging.getLevelName(5),
        ]

    caplog.set_level(logging.DEBUG)
    before = settings()

    with serving(daemon) as served:
        served.ask("/healthz")
        during = settings()

    assert (during, settings()) == (before, before)
    assert not [one for one in caplog.records if one.name.startswith("uvicorn")]
    assert capfd.readouterr() == ("", "")


def test_a_port_in_use_is_reported_with_a_hint(served: Served, daemon: FakeDaemon) -> None:
    with pytest.raises(ConfigError) as raised:
        HealthEndpoint(daemon).serve_at(Health(port=served.port, host="127.0.0.1"))

    assert text_of(raised.value).splitlines() == [
        f"sync.toml: health.port: port {served.port} at 127.0.0.1 is in use",
        "  another program or another daemon listens there; set another port, or 0 to disable the"
        " endpoint",
    ]


def test_an_address_of_another_machine_is_reported(daemon: FakeDaemon) -> None:
    with pytest.raises(
        ConfigError, match=r"sync\.toml: health\.host: cannot listen at 192\.0\.2\.1: Cannot assign"
    ):
        HealthEndpoint(daemon).serve_at(Health(port=free_port(), host="192.0.2.1"))


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_the_address_may_be_ipv6(daemon: FakeDaemon) -> None:
    endpoint = HealthEndpoint(daemon)
    endpoint.serve_at(Health(port=(port := free_port("::1")), host="::1"))
    with closing(http.client.HTTPConnection("::1", port, timeout=20)) as connection:
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
    endpoint.stop()


def test_an_endpoint_that_cannot_move_stays_where_it_is(daemon: FakeDaemon) -> None:
    with serving(daemon) as first, socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(ConfigError, match="is in use"):
            first.endpoint.serve_at(Health(port=taken, host="127.0.0.1"))
        assert first.ask("/healthz").status == 200
        with pytest.raises(ConfigError):
            first.endpoint.serve_at(Health(port=first.port, host="198.51.100.1"))
        assert first.ask("/healthz").status == 200

        other.close()
        first.endpoint.serve_at(Health(port=taken, host="127.0.0.1"))

        assert Served(first.endpoint, taken).ask("/healthz").status == 200
        with pytest.raises(ConnectionRefusedError):
            first.ask("/healthz")
        first.endpoint.serve_at(Health(port=0, host="127.0.0.1"))
        with pytest.raises(ConnectionRefusedError):
            Served(first.endpoint, taken).ask("/healthz")


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_a_missing_package_is_named(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ConfigError, match=f"{package} is not installed") as raised:
        HealthEndpoint(daemon).serve_at(Health(port=free_port(), host="127.0.0.1"))

    assert raised.value.hint == "install it with: pip install 'scimsync[daemon]'"
