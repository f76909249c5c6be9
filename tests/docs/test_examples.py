"""The examples compile, plan, and push against a real SCIM server."""

from __future__ import annotations

import re
import shutil

import pytest

from scimsync.builtin import load
from scimsync.run.compile import compile_config
from tests.docs.documentation import ROOT
from tests.office import Office

EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/sync.toml"))


@pytest.fixture
def example(
    request: pytest.FixtureRequest, real_office: Office, monkeypatch: pytest.MonkeyPatch
) -> Office:
    """An example with only the URLs (a server for each target), the tokens, and the state
    replaced."""
    shutil.copytree(request.param, real_office.folder, dirs_exist_ok=True)
    text = (real_office.folder / "sync.toml").read_text("utf-8")
    for number, url in enumerate(re.findall(r'url\s*= "(https://[^"]*)"', text)):
        text = text.replace(url, real_office.url.replace("/v2", f"{number}/v2"))
    for variable in re.findall(r"env:(\w+)", text):
        monkeypatch.setenv(variable, real_office.token)
    real_office.write("token", real_office.token + "\n")
    (real_office.folder / "token").chmod(0o600)
    real_office.write("sync.toml", text.replace("sqlite:////var/lib/scimsync/", "sqlite:///state/"))
    return real_office


each_example = pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda path: path.name, indirect=True
)


@each_example
def test_an_example_checks_pushes_and_then_has_nothing_to_do(example: Office) -> None:
    checked = example.run("check")
    assert (checked.code, "warning" in checked.out) == (0, False), checked.out

    pushed = example.run("push", "--json")
    assert (pushed.code, "Traceback" in pushed.err) == (0, False), pushed.err
    assert all(target["counts"].get("create") for target in pushed.document["targets"].values())

    again = example.run("push", "--json").document
    assert {target["requests"] for target in again["targets"].values()} == {0}


@each_example
@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_an_example_plans_offline(example: Office, form: str) -> None:
    ran = example.run("plan", "--offline", "--format", form)

    assert (ran.code, "Traceback" in ran.err) == (0, False), ran.err
    assert "create" in ran.out


def test_the_complete_example_compiles() -> None:
    config = load(ROOT / "sync.toml.example")
    assert compile_config(config, read=False, secrets=False).targets.keys() == config.targets.keys()
