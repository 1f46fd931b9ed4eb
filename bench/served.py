"""Trivium as it is served: data folder, organization, agent and key made by the commands an operator would use."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import Process, free_port, python, running

_LOAD_S_MAX = 300


@dataclass(frozen=True)
class Served:
    """A running Trivium with one agent that asks the fake model; `key` is for the agent API."""

    process: Process
    key: str
    agent_id: str
    folder: Path


@contextlib.contextmanager
def served(model_url: str, *, environ: Mapping[str, str] | None = None) -> Generator[Served, None, None]:
    """Start Trivium on a fresh data folder with the model server at `model_url` as its default model."""
    with tempfile.TemporaryDirectory(prefix="trivium-bench-") as name:
        folder = Path(name)
        settings = {
            "TRIVIUM_DATA": str(folder),
            "TRIVIUM_MODEL_BASE_URL": model_url,
            "TRIVIUM_MODEL": "openai/fake",
            "TRIVIUM_LOG_LEVEL": "error",
            **(environ or {}),
        }
        organization = admin(settings, "org", "create", "Bench")["id"]
        agent = admin(settings, "agent", "create", "Bench", "--org", organization)["id"]
        made = admin(settings, "key", "create", "--org", organization, "--kind", "wabee", "--agent", agent)
        port = free_port()
        command = [str(Path(sys.executable).with_name("trivium")), "serve", "--port", str(port)]
        with running(command, port, probe="/core/v1/health", environ=settings) as process:
            yield Served(process, made["key"], agent, folder)


def admin(settings: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Run one command of the operator and return its JSON."""
    command = [str(Path(sys.executable).with_name("trivium")), "admin", *arguments, "--json"]
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed: {done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@contextlib.contextmanager
def fake_model(**behaviour: float) -> Generator[str, None, None]:
    """Start the fake model server and yield its base URL."""
    port = free_port()
    options = [part for name, value in behaviour.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    with running(python("bench.fake_model", "--port", str(port), *options), port):
        yield f"http://127.0.0.1:{port}/v1"


def load(port: int, path: str, key: str = "", **options: object) -> dict[str, Any]:
    """Run the load in a process of its own and return its summary. `True` makes an option a bare flag."""
    arguments = ["--port", str(port), "--path", path, "--key", key]
    for name, value in options.items():
        arguments.append(f"--{name.replace('_', '-')}")
        if value is not True:
            arguments.append(str(value))
    done = subprocess.run(
        python("bench.load", *arguments), capture_output=True, text=True, timeout=_LOAD_S_MAX, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
