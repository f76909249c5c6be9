"""The deployment examples are valid and name only what exists: systemd units, container, Kubernetes
manifests, alerts, dashboard, and crontab.

systemd-analyze and promtool check them too, if they are installed.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner
from cronsim import CronSim
from prometheus_client.parser import text_string_to_metric_families

from scimsync.builtin import load
from scimsync.cli import cli
from scimsync.config.models import DEFAULT_PORT
from scimsync.daemon.metrics import DaemonMetrics, next_run_gauge, state_gauges
from scimsync.daemon.metrics.counters import CAUSES, FINAL_STATUSES, OUTCOMES
from scimsync.model.operations import Action
from scimsync.state.store import open_state
from tests.docs.documentation import ROOT
from tests.office import MONDAY, Office, people
from tests.security_events import audit_table

SYSTEMD = ROOT / "examples" / "systemd"
CONTAINER = ROOT / "examples" / "container"
KUBERNETES = ROOT / "examples" / "kubernetes"
MONITORING = ROOT / "examples" / "monitoring"

Json = dict[str, Any]


def is_command(words: list[str]) -> None:
    """Check that a command line of scimsync names a command and options that exist."""
    result = CliRunner().invoke(cli, [*words, "--help"])
    assert result.exit_code == 0, result.output


# systemd


def unit(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the assignments of each section in order, because a key can occur twice."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            sections[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            sections[list(sections)[-1]].append((key, value))
    return sections


SERVICES = sorted(SYSTEMD.glob("*.service"))
each_service = pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)


@each_service
def test_a_service_starts_a_command_that_exists(path: Path) -> None:
    program, *words = shlex.split(dict(unit(path)["Service"])["ExecStart"])
    assert program == "/usr/local/bin/scimsync"
    is_command(words)


def test_both_services_have_the_same_hardening() -> None:
    hardening = []
    for path in SERVICES:
        settings = unit(path)["Service"]
        hardening.append(settings[[key for key, _ in settings].index("User") :])
    assert len(hardening) == 2
    assert hardening[0] == hardening[1]


@each_service
def test_a_service_can_write_only_to_the_state(path: Path) -> None:
    settings = dict(unit(path)["Service"])
    state = tomllib.loads((SYSTEMD / "sync.toml").read_text("utf-8"))["state"]["url"]

    assert settings["ProtectSystem"] == "strict"
    assert state.startswith(f"sqlite:////var/lib/{settings['StateDirectory']}/")
    assert not settings.keys() & {"ReadWritePaths", "BindPaths"}


def test_an_unusable_sync_toml_does_not_restart_the_service() -> None:
    for path in SERVICES:
        assert "2" in dict(unit(path)["Service"])["RestartPreventExitStatus"].split()


def systemd_version() -> int:
    """Return the version of systemd-analyze, or 0 if it is not installed."""
    if shutil.which("systemd-analyze") is None:
        return 0
    said = subprocess.run(
        ["systemd-analyze", "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"systemd (\d+)", said)
    return int(found[1]) if found else 0


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that exists, and the drop-in."""
    for path in [*SERVICES, *SYSTEMD.glob("*.timer")]:
        text = path.read_text("utf-8").replace("/usr/local/bin/scimsync", "/bin/true")
        (tmp_path / path.name).write_text(text, "utf-8")
    (tmp_path / "scimsync.service.d").mkdir()
    shutil.copy(SYSTEMD / "credentials.conf", tmp_path / "scimsync.service.d")
    return tmp_path


def test_systemd_accepts_the_units(units: Path) -> None:
    paths = sorted(path for path in units.iterdir() if path.is_file())
    assert [path.name for path in paths] == [
        "scimsync-push.service",
        "scimsync-push.timer",
        "scimsync.service",
    ]
    assert all(unit(path) for path in [*paths, SYSTEMD / "credentials.conf"])
    if systemd_version():
        ran = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True
        )
        about_ours = [
            line for line in ran.stderr.splitlines() if str(units) in line or "scimsync" in line
        ]
        assert about_ours == []


@each_service
def test_systemd_rates_the_hardening_well(units: Path, path: Path) -> None:
    settings = unit(path)["Service"]
    assert {
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"),
    } <= set(settings)
    if systemd_version() >= 250:
        command = [
            "systemd-analyze",
            "security",
            "--offline=true",
            "--threshold=20",
            "--no-pager",
            str(units / path.name),
        ]
        ran = subprocess.run(command, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr


# A container


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile with their arguments."""
    text = re.sub(
        r"^#.*\n", "", (CONTAINER / "Containerfile").read_text("utf-8"), flags=re.MULTILINE
    )
    lines = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line]
    split = [line.split(None, 1) for line in lines]
    return [(word, " ".join(rest)) for word, *rest in split]


def last(instruction: str) -> str:
    """Return the arguments of the last instruction of this name, which is in force."""
    return [rest for word, rest in instructions() if word == instruction][-1]


def test_the_containerfile_uses_known_instructions_and_existing_files() -> None:
    known = {
        "FROM",
        "WORKDIR",
        "RUN",
        "ENV",
        "COPY",
        "USER",
        "VOLUME",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    assert {word for word, _ in instructions()} <= known
    stages = [
        found[1]
        for word, rest in instructions()
        if word == "FROM" and (found := re.search(r" AS (\w+)$", rest))
    ]
    for rest in [rest for word, rest in instructions() if word == "COPY"]:
        *sources, _ = rest.split()
        if sources[0].startswith("--from="):
            assert sources[0].removeprefix("--from=") in stages
        else:
            assert [name for name in sources if not (ROOT / name).exists()] == []
            assert not {name for name in sources if name in (".", "examples", "tests")}


def test_the_container_installs_existing_extras() -> None:
    (command,) = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
    extras = re.search(r"'\.\[([\w,]+)\]'", command)
    assert extras is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(extras[1].split(",")) <= project["optional-dependencies"].keys()
    assert "daemon" in extras[1]


def test_the_container_runs_the_daemon_without_root() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last("USER"))
    program, *words = json.loads(last("ENTRYPOINT")) + json.loads(last("CMD"))
    assert program == "scimsync"
    is_command(words)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_follows_healthz(status: int, code: int) -> None:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/healthz"
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    python, option, program = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert (python, option) == ("python", "-c")
    assert f"127.0.0.1:{DEFAULT_PORT}/" in program
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        ran = subprocess.run(
            [sys.executable, "-c", program.replace(f":{DEFAULT_PORT}/", f":{server.server_port}/")],
            capture_output=True,
        )
        thread.join()
    assert ran.returncode == code


def test_the_readme_mounts_the_folders_of_the_container() -> None:
    text = (CONTAINER / "README.md").read_text("utf-8").replace("\\\n", "")
    runs = [shlex.split(line) for line in text.splitlines() if line.startswith("podman run")]
    assert len(runs) == 2
    for words in runs:
        assert {"--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"} <= set(words)
        mounts = [
            following.split(":")[1] for word, following in pairwise(words) if word == "--volume"
        ]
        assert mounts == [last("WORKDIR"), last("VOLUME")]
        assert words[words.index("--tmpfs") + 1] == "/tmp"
    state = tomllib.loads((CONTAINER / "sync.toml").read_text("utf-8"))["state"]["url"]
    assert state.startswith(f"sqlite:///{last('VOLUME')}/")


# A cluster


def manifests(name: str) -> dict[str, Json]:
    """Return the manifests by kind, and claims by name."""
    documents = list(yaml.safe_load_all((KUBERNETES / name).read_text("utf-8")))
    return {
        one["metadata"]["name"] if one["kind"] == "PersistentVolumeClaim" else one["kind"]: one
        for one in documents
    }


def pod(name: str) -> Json:
    """Return the pod spec of a manifest."""
    if name == "cronjob.yaml":
        job: Json = manifests(name)["CronJob"]["spec"]["jobTemplate"]
        return job["spec"]["template"]["spec"]  # type: ignore[no-any-return]
    return manifests(name)["Deployment"]["spec"]["template"]["spec"]  # type: ignore[no-any-return]


each_pod = pytest.mark.parametrize("name", ["cronjob.yaml", "deployment.yaml"])


@each_pod
def test_a_pod_has_no_unneeded_rights(name: str) -> None:
    (container,) = pod(name)["containers"]
    user = int(last("USER").partition(":")[0])

    assert pod(name)["automountServiceAccountToken"] is False
    assert pod(name)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    is_command(json.loads(last("ENTRYPOINT"))[1:] + container["args"])


@each_pod
def test_a_pod_mounts_the_files_of_sync_toml(name: str) -> None:
    (container,) = pod(name)["containers"]
    home, state = last("WORKDIR"), last("VOLUME")
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod(name)["volumes"]}
    config = tomllib.loads((KUBERNETES / "sync.toml").read_text("utf-8"))

    assert mounts.keys() == {f"{home}/sync.toml", f"{home}/incoming", state, "/tmp"}
    assert {path for path, mount in mounts.items() if not mount.get("readOnly")} == {state, "/tmp"}
    assert {mount["name"] for mount in mounts.values()} == volumes.keys()
    assert config["state"]["url"].startswith(f"sqlite:///{state}/")
    assert config["sources"]["hr"]["path"].startswith("incoming/")
    claims = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in volumes.values()
        if "persistentVolumeClaim" in volume
    }
    assert claims == manifests("storage.yaml").keys()


@each_pod
def test_a_pod_gets_its_token_from_a_secret(name: str) -> None:
    (container,) = pod(name)["containers"]
    config = tomllib.loads((KUBERNETES / "sync.toml").read_text("utf-8"))
    tokens = {target["auth"]["token"].removeprefix("env:") for target in config["targets"].values()}

    assert {one["name"] for one in container["env"]} == tokens
    for one in container["env"]:
        reference = one["valueFrom"]["secretKeyRef"]
        made = f"secret generic {reference['name']} --from-file={reference['key']}=token"
        assert made in (KUBERNETES / "README.md").read_text("utf-8")


@each_pod
def test_kustomize_refers_to_existing_files(name: str) -> None:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))
    (generated,) = kustomization["configMapGenerator"]
    (image,) = kustomization["images"]
    (container,) = pod(name)["containers"]

    assert [
        file
        for file in [*kustomization["resources"], *generated["files"]]
        if not (KUBERNETES / file).is_file()
    ] == []
    assert [
        volume["configMap"]["name"] for volume in pod(name)["volumes"] if "configMap" in volume
    ] == [generated["name"]]
    assert container["image"] == image["name"]


def test_a_cronjob_does_not_overlap_and_retries_only_exit_code_1() -> None:
    cron = manifests("cronjob.yaml")["CronJob"]["spec"]
    job = cron["jobTemplate"]["spec"]

    next(CronSim(cron["schedule"], MONDAY.astimezone(ZoneInfo(cron["timeZone"]))))
    assert cron["concurrencyPolicy"] == "Forbid"
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # podFailurePolicy asks for that
    failing, _ = job["podFailurePolicy"]["rules"]
    assert failing["action"] == "FailJob"
    assert failing["onExitCodes"]["values"] == [2, 3, 4]
    assert (
        failing["onExitCodes"]["containerName"] == job["template"]["spec"]["containers"][0]["name"]
    )


def test_one_daemon_runs_and_prometheus_can_reach_it() -> None:
    made = manifests("deployment.yaml")
    deployment, service, policy = (
        made["Deployment"]["spec"],
        made["Service"]["spec"],
        made["NetworkPolicy"]["spec"],
    )
    labels = deployment["template"]["metadata"]["labels"]
    (container,) = pod("deployment.yaml")["containers"]
    (port,) = container["ports"]
    health = load(KUBERNETES / "sync.toml").health

    assert (deployment["replicas"], deployment["strategy"]["type"]) == (1, "Recreate")
    assert (health.host, health.port) == ("0.0.0.0", port["containerPort"])
    for selector in (
        deployment["selector"]["matchLabels"],
        service["selector"],
        policy["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    probes = {
        probe: container[probe]["httpGet"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert (
        {one["port"] for one in probes.values()}
        == {port["name"]}
        == {one["targetPort"] for one in service["ports"]}
    )
    assert {probe: one["path"] for probe, one in probes.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert {one["port"] for one in policy["ingress"][0]["ports"]} == {port["containerPort"]}


# Prometheus and Grafana

Labels = Mapping[str, Set[str]]
"""Label -> values."""

OF_PROMETHEUS: Labels = {"job": {"scimsync", "node"}, "instance": set()}
"""Labels of every series."""
FREE = {"target", "source", "version", "instance", "method", "le", "status"}
"""Labels with any value. The status of accounts is checked anyway."""


@pytest.fixture
def exposed(office: Office) -> dict[str, dict[str, set[str]]]:
    """What the daemon exposes after a push: series name -> label -> values."""
    office.hire(people(3))
    events = audit_table(office.folder, 'file = "events.ndjson"')
    office.configure(target="rate = 10", more=events)
    sync_toml = office.folder / "sync.toml"
    expiring = sync_toml.read_text().replace(
        'WIKI_TOKEN"', 'WIKI_TOKEN", token_expires = 2039-01-01'
    )
    sync_toml.write_text(expiring)
    office.push()
    metrics = DaemonMetrics()
    for cause in CAUSES:
        for outcome in OUTCOMES:
            metrics.record_run(cause, outcome, 1.5)
    metrics.record_request("wiki", "GET", 429, 0.1)
    metrics.record_operations(
        "wiki", {(action.value, status.value): 1 for action in Action for status in FINAL_STATUSES}
    )
    metrics.record_config(True, MONDAY)
    metrics.add_collector(lambda: [next_run_gauge({"wiki": MONDAY})])
    config = load(office.folder / "sync.toml")
    assert office.run("reconcile").code == 0
    with closing(open_state(config.state_url, config.base_dir, create=False)) as store:
        metrics.add_collector(lambda: state_gauges(config, store, office.now, {"hr": MONDAY}))
        text = metrics.expose().decode()
    found: dict[str, dict[str, set[str]]] = {"up": {}}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, defaultdict(set))
            for label, value in sample.labels.items():
                labels[label].add(value)
    return found


def dashboard() -> Json:
    read: Json = json.loads((MONITORING / "grafana.json").read_text("utf-8"))
    return read


def rules() -> list[Json]:
    groups = yaml.safe_load((MONITORING / "rules.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> Iterator[tuple[str, list[str]]]:
    """Yield each expression of the alerts and the dashboard, with the labels that its text uses."""
    for rule in rules():
        yield rule["expr"], re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"]))
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"], re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))


QUERIES = list(queries())


def test_alerts_and_dashboard_query_existing_metrics(
    exposed: dict[str, dict[str, set[str]]],
) -> None:
    for expression, shown in QUERIES:
        bare = re.sub(r'"[^"]*"', '""', expression)
        names = set(re.findall(r"\b(?:scimsync_\w+|process_\w+|up)\b", bare))
        assert names, expression
        assert names <= exposed.keys(), expression
        there = {label for name in names for label in exposed[name]} | OF_PROMETHEUS.keys()
        grouped = [
            re.findall(r"\w+", inner)
            for inner in re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", bare)
        ]
        assert {label for labels in grouped for label in labels} <= there, expression
        aggregated = [re.findall(r"\w+", inner) for inner in re.findall(r"\bby \(([^)]*)\)", bare)]
        assert set(shown) <= (
            {label for labels in aggregated for label in labels} if aggregated else there
        ), expression
        for name, selector in re.findall(
            r'\b(scimsync_\w+|process_\w+|up)\{((?:[^}"]|"[^"]*")*)\}', expression
        ):
            for label, _, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', selector):
                known = exposed[name].get(label) or OF_PROMETHEUS.get(label)
                assert known is not None, expression
                if label not in FREE or (name == "scimsync_accounts" and label == "status"):
                    assert set(value.split("|")) <= known, expression


def test_every_metric_is_used_by_an_alert_or_the_dashboard(
    exposed: dict[str, dict[str, set[str]]],
) -> None:
    asked = {name for expression, _ in QUERIES for name in re.findall(r"scimsync_\w+", expression)}
    ours = {name.removesuffix("_bucket") for name in exposed if name.startswith("scimsync_")}
    parts = {name for name in ours if name.endswith(("_count", "_sum"))}
    # shows when; the alert shows whether
    beside = {"scimsync_config_loaded_timestamp_seconds"}
    assert ours - parts - beside == {name.removesuffix("_bucket") for name in asked}


def test_every_alert_has_a_summary_and_existing_commands() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}
        for command in re.findall(
            r"scimsync ((?:[a-z]+)(?: --?[\w-]+(?: \{\{.*?\}\})?)*)",
            rule["annotations"]["description"],
        ):
            is_command(shlex.split(command.replace("{{ $labels.target }}", "wiki")))


def test_every_alert_has_a_test() -> None:
    tests = (MONITORING / "rules_test.yml").read_text("utf-8")
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    raised = {
        name
        for test in yaml.safe_load(tests)["tests"]
        for name in [
            *(one["alertname"] for one in test.get("alert_rule_test", []) if one["exp_alerts"]),
            *re.findall(
                r'alertname="(\w+)"',
                json.dumps(test.get("promql_expr_test", [])).replace('\\"', '"'),
            ),
        ]
    }
    assert set(names) == raised


def test_promtool_accepts_the_configuration_and_the_alerts(tmp_path: Path) -> None:
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text("utf-8"))
    assert config["rule_files"] == ["rules.yml"]
    assert f"127.0.0.1:{DEFAULT_PORT}" in json.dumps(config["scrape_configs"])
    if promtool := shutil.which("promtool"):
        for path in MONITORING.iterdir():
            shutil.copy(path, tmp_path)
        queries = [
            {"record": f"panel:{number}", "expr": expr} for number, (expr, _) in enumerate(QUERIES)
        ]
        text = json.dumps({"groups": [{"name": "dashboard", "rules": queries}]})
        (tmp_path / "dashboard.yml").write_text(
            text.replace("$__rate_interval", "5m").replace("$target", ".*"), "utf-8"
        )
        for words in (
            ["check", "config", "prometheus.yml"],
            ["check", "rules", "rules.yml", "dashboard.yml"],
            ["test", "rules", "rules_test.yml"],
        ):
            ran = subprocess.run([promtool, *words], cwd=tmp_path, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_dashboard_is_consistent() -> None:
    panels = dashboard()["panels"]
    variables = {one["name"] for one in dashboard()["templating"]["list"]}
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24, panel["title"]
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]
        references = [target["refId"] for target in panel.get("targets", [])]
        assert len(set(references)) == len(references)
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in panels}) == len(panels)
    used = set(
        re.findall(
            r"\$\{?(\w+)\}?",
            " ".join(re.sub(r"\$__\w+", "", expression) for expression, _ in QUERIES),
        )
    )
    assert used | {"datasource"} == variables == {"datasource", "target"}


def test_the_dashboard_variable_lists_the_targets(
    exposed: dict[str, dict[str, set[str]]],
) -> None:
    (target,) = [one for one in dashboard()["templating"]["list"] if one["name"] == "target"]
    found = re.fullmatch(r"label_values\((\w+), (\w+)\)", target["query"]["query"])
    assert found is not None
    assert exposed[found[1]][found[2]] == {"wiki"}


# cron


def test_the_crontab_has_valid_times_and_commands() -> None:
    text = (ROOT / "examples" / "cron" / "crontab").read_text("utf-8")
    lines = [
        line for line in text.splitlines() if line and not line.startswith("#") and "=" not in line
    ]
    assert lines
    for line in lines:
        *when, command = line.split(None, 5)
        next(CronSim(" ".join(when), MONDAY))
        is_command(shlex.split(command.rpartition("&& ")[2])[1:])
