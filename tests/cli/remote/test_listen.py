"""`trivium listen` and `trigger` against a real server and a real receiver."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.cli.remote.conftest import Environment, Run
from tests.cli.remote.receiver import Receiver, receiver  # noqa: F401
from tests.contracts.site import open_site
from tests.contracts.wisebot.office import Office
from trivium_client import Wisebot, webhooks

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_site(tmp_path_factory.mktemp("site")) as site:
        office = Office(site)
        yield office
        office.close()


@pytest.fixture
def environment(environment: Environment, office: Office) -> Environment:
    return {**environment, "WISEBOTAI_BASE_URL": office.site.url, "WISEBOT_ACCESS_TOKEN": office.jwt}


class Listening:
    """`trivium listen` as a program."""

    def __init__(self, environment: Environment, *words: str) -> None:
        self.program = subprocess.Popen(
            [sys.executable, "-m", "trivium.cli.main", "listen", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.program.stderr is not None
        self.secret = self.program.stderr.readline().split()[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.program:
            self.program.kill()

    def line(self) -> str:
        assert self.program.stdout is not None
        return self.program.stdout.readline()

    def stop(self) -> int:
        self.program.send_signal(signal.SIGINT)
        return self.program.wait(30)


def test_events_are_forwarded_with_a_signature_that_holds(
    environment: Environment,
    run: Run,
    receiver: Receiver,  # noqa: F811
) -> None:
    with Listening(
        environment, "--forward-to", f"{receiver.url}/hooks", "--events", "run.*,message.created"
    ) as listening:
        sent = run("trigger", "message.created", "--data", '{"text": "Grüße"}')
        assert sent.status == 0, sent.err
        _, kind, status, _, unit, event_id = listening.line().split()
        assert (kind, status, unit) == ("message.created", "204", "ms")
        assert event_id.startswith(sent.line)
        (call,) = receiver.calls
        assert call.path == "/hooks"
        assert webhooks.unwrap(call.body, call.headers, listening.secret)["data"] == {"text": "Grüße"}
        assert listening.stop() == 130
        nobody = run("trigger", "message.created", "--json")
        assert (nobody.status, json.loads(nobody.err)["error"]["code"]) == (1, "nobody_listens")


def test_a_program_that_is_not_there_is_told_and_listening_goes_on(environment: Environment, run: Run) -> None:
    with Listening(environment, "--forward-to", "http://127.0.0.1:1/hooks", "-o", "json") as listening:
        run("trigger", "run.finished")
        run("trigger", "document.ready")
        rows = [json.loads(listening.line()) for _ in range(2)]
        assert [(row["type"], row["status"], row["error"]) for row in rows] == [
            ("run.finished", None, "Connection refused"),
            ("document.ready", None, "Connection refused"),
        ]
        assert listening.stop() == 130


def test_print_shows_what_happened_and_nothing_is_sent(environment: Environment, run: Run, office: Office) -> None:
    with Listening(environment, "--print", "-o", "json", "--once", "--events", "run.finished") as listening:
        run("trigger", "message.created")
        office.ask(office.session(), "Hello")
        event = json.loads(listening.line())
        assert (event["type"], event["data"]["output"]) == ("run.finished", "Hello")
        assert listening.program.wait(30) == 0


def test_usage_is_told_in_a_line(run: Run) -> None:
    assert run("listen").status == 2
    assert "is no http address" in run("listen", "--forward-to", "ftp://x").err
    unknown = run("listen", "--print", "--events", "nothing")
    assert (unknown.status, unknown.out) == (1, "")
    assert "There is no event 'nothing'" in unknown.err
    wrong = run("trigger", "nothing")
    assert (wrong.status, "There are: conversation.created" in wrong.err) == (2, True)
    assert run("trigger", "run.finished", "--data", "{bad").status == 2


def test_a_sample_goes_to_an_address_without_a_server(run: Run, receiver: Receiver, tmp_path: Path) -> None:  # noqa: F811
    sent = run("trigger", "document.failed", "--to", receiver.url, WISEBOTAI_BASE_URL="http://127.0.0.1:1")
    assert (sent.status, sent.out.split()[1:3]) == (0, ["document.failed", "204"])
    (call,) = receiver.calls
    secret = sent.err.split()[-1]
    assert webhooks.unwrap(call.body, call.headers, secret)["type"] == "document.failed"


def test_the_client_reads_on_where_a_stream_stopped(office: Office) -> None:
    with Wisebot(office.jwt, office.site.url) as client:
        listeners = client.admin.listeners
        opened = listeners.open(["run.finished"])
        for _ in range(3):
            assert listeners.trigger("run.finished").listeners == 1
        stream = listeners.events(opened.id)
        assert [next(stream).seq for _ in range(2)] == [1, 2]
        stream.close()
        rest = listeners.events(opened.id, after=2)
        assert next(rest).seq == 3
        listeners.close(opened.id)
        assert list(rest) == []
