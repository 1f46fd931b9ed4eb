"""Signing in and out as people do it, against a real server with two organizations."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome
from tests.contracts.site import Site, open_site

PASSWORD = "correct horse battery"
Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Ann owns Acme, Bob owns another organization; each has an agent."""
    with open_site(tmp_path_factory.mktemp("site")) as opened:
        for name, email in (("Acme", "ann@example.com"), ("Other", "bob@example.com")):
            owner = opened.organization(name)
            opened.make_default(opened.agent(owner, name=f"{name} agent"))
            accounts = opened.platform.access
            opened.run(accounts.create_user(email, organization_id=owner, role="owner", password=PASSWORD))
        yield opened


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("WI", "WABEE", "TRIVIUM"))}
    return {**ours, "TRIVIUM_CONTEXTS": str(tmp_path / "contexts.toml"), "COLUMNS": "80"}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run trivium through pipes."""

    def command(*words: str, stdin: str = "", **variables: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "trivium.cli.main", *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**environment, **variables},
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return command


def token(site: Site, email: str) -> str:
    return site.run(site.platform.access.issue_token(email)).token


def asking(site: Site, environment: dict[str, str], *words: str) -> tuple[subprocess.Popen[str], str]:
    """Start a sign-in and return the program and the code that it shows."""
    line = [sys.executable, "-m", "trivium.cli.main", "login", "--url", site.url, *words]
    program = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment)
    assert program.stderr is not None
    shown = program.stderr.readline()
    return program, re.findall(r"code=([A-Z]{4}-[A-Z]{4})", shown)[0]


def test_one_sign_in_serves_all_three_contracts(site: Site, environment: dict[str, str], run: Run) -> None:
    program, code = asking(site, environment, "--device", "laptop")
    answer = run("device", "approve", code, "--yes", "--url", site.url, "--token", token(site, "ann@example.com"))
    assert (answer.status, program.wait(60)) == (0, 0), answer.err
    program.communicate()
    me = run("whoami", "-o", "json").json
    assert (me["account"], me["organization"], me["role"], me["device"]) == (
        "ann@example.com",
        "Acme",
        "owner",
        "laptop",
    )
    assert [one["name"] for one in run("agents", "list", "-o", "json").json["agents"]] == ["Acme agent"]
    assert run("agent", "info", "-o", "json").json["name"] == "Acme agent"
    assert run("keys", "list", "--kind", "device", "-o", "name").out.startswith("key_")
    assert run("logout").status == 0
    assert run("agents", "list").status == 3


def test_denied_machine_ends_with_the_code_for_sign_ins(site: Site, environment: dict[str, str], run: Run) -> None:
    program, code = asking(site, environment)
    run("device", "deny", code, "--url", site.url, "--token", token(site, "bob@example.com"))
    assert program.wait(60) == 4
    assert "denied" in program.communicate()[1]


def test_revoked_machine_is_told_how_to_sign_in_again(site: Site, run: Run) -> None:
    words = ("login", "--url", site.url, "--email", "bob@example.com", "--device", "ci", "--name", "other")
    assert run(*words, stdin=PASSWORD).status == 0
    key_id = run("keys", "list", "--kind", "device", "-o", "json").json[-1]["id"]
    assert run("keys", "revoke", key_id, "--yes").status == 0
    outcome = run("agents", "list", "--context", "other")
    assert (outcome.status, "trivium login --context other" in outcome.err) == (4, True)


def test_each_server_has_its_context_and_keeps_its_secrets(site: Site, run: Run) -> None:
    words = ("login", "--email", "ann@example.com", "--url", site.url)
    assert run("context", "set", "default", "url=https://agents.example.com", "token=tdk_live_elsewhere").status == 0
    assert run("agents", "list", "--url", site.url).status == 3
    assert run(*words, stdin=PASSWORD).status == 0
    named = {one["name"]: one for one in run("context", "list", "-o", "json").json}
    assert named["default"]["url"] == "https://agents.example.com"
    assert named[site.url.removeprefix("http://")]["account"] == "ann@example.com"
    assert run(*words, stdin=PASSWORD).status == 0
    assert len(run("keys", "list", "--kind", "device", "-o", "json").json) == 1
    assert run("agents", "list", WISEBOTAI_BASE_URL="http://127.0.0.1:9").status == 3


def test_password_comes_from_standard_input_and_nowhere_else(site: Site, run: Run) -> None:
    outcome = run("login", "--email", "ann@example.com", "--url", site.url, stdin="wrong\n")
    assert (outcome.status, "wrong" not in outcome.err.replace("is wrong", "")) == (4, True)
    assert run("login", "--email", "ann@example.com", "--password", "x", "--url", site.url).status == 2


def test_operator_approves_for_a_person(site: Site, environment: dict[str, str], run: Run) -> None:
    program, code = asking(site, environment, "--role", "member", "--name", "operator")
    data = str(site.platform.store.path.parent)  # type: ignore[attr-defined]
    answer = run("admin", "device", "approve", code, "--email", "ann@example.com", "--json", TRIVIUM_DATA=data)
    assert (answer.json["role"], program.wait(60)) == ("member", 0)
    program.communicate()
    assert run("whoami", "-o", "name").out == "ann@example.com\n"
