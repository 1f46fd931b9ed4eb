"""Workflows of five steps: time of one, runs a second side by side, and how fast a trigger accepts.

python -m bench.workflows
"""

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from bench.report import Bar, print_bars, print_table
from bench.served import Served, admin, fake_model, served

_ONE_BY_ONE, _SIDE_BY_SIDE, _CONNECTIONS = 200, 600, 16
_STEPS = [
    {"id": "s1", "key": "message", "type": "input", "config": {"field": "message", "required": True}},
    {"id": "s2", "key": "upper", "type": "transform", "config": {"expression": "upper(message)"}},
    {"id": "s3", "key": "long", "type": "condition", "config": {"expression": "len(message) > 3"}},
    {"id": "s4", "key": "said", "type": "llm", "config": {"model": "scripted/echo", "prompt": "{{upper}}"}},
    {"id": "s5", "key": "out", "type": "output", "config": {"value": "{{said}}"}},
]
_EDGES = [
    {"from": "s1", "to": "s2"},
    {"from": "s2", "to": "s3"},
    {"from": "s3", "to": "s4", "branch": "true"},
    {"from": "s4", "to": "s5"},
]


def compare() -> list[Bar]:
    """Print the table and return the bars."""
    with fake_model() as model_url, served(model_url) as ours, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "workflow.json"
        file.write_text(json.dumps({"name": "Bench", "steps": _STEPS, "edges": _EDGES}))
        settings = {"TRIVIUM_DATA": str(ours.folder)}
        made = admin(settings, "workflow", "create", "--org", "Bench", "--file", str(file))
        seen = asyncio.run(_measure(ours, made["id"], made["secret"]))
    print_table(
        "A workflow of five steps, one of them a model call",
        ("what", "figure"),
        [(name.replace("_", " "), round(value, 2)) for name, value in seen.items()],
    )
    return [
        Bar(name="workflow of five steps, p50, ms", value=seen["run_p50_ms"]),
        Bar(name="workflow trigger accepted, p50, ms", value=seen["accept_p50_ms"]),
        Bar(name="workflow of five steps, CPU ms", value=seen["cpu_ms_per_run"]),
        Bar(name="workflows per second, 16 connections", value=seen["runs_per_s"]),
    ]


async def _measure(ours: Served, workflow_id: str, secret: str) -> dict[str, float]:
    url = f"http://127.0.0.1:{ours.process.port}/workflows/trigger?workflowId={workflow_id}"
    headers = {"Authorization": f"Bearer {secret}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=_CONNECTIONS)) as client:
        for _ in range(20):
            await _post(client, url)
        alone = [await _post(client, url) for _ in range(_ONE_BY_ONE)]
        accepted = [await _post(client, f"{url}&wait=false") for _ in range(_ONE_BY_ONE)]
        cpu_s, began = ours.process.cpu_s(), time.perf_counter()
        together = await asyncio.gather(*(_post(client, url) for _ in range(_SIDE_BY_SIDE)))
        took_s = time.perf_counter() - began
    return {
        "run_p50_ms": statistics.median(alone),
        "run_p95_ms": statistics.quantiles(alone, n=20)[-1],
        "accept_p50_ms": statistics.median(accepted),
        "runs_per_s": len(together) / took_s,
        "cpu_ms_per_run": (ours.process.cpu_s() - cpu_s) * 1000 / len(together),
    }


async def _post(client: aiohttp.ClientSession, url: str) -> float:
    began = time.perf_counter()
    async with client.post(url, json={"message": "hello there"}) as answer:
        body: Any = await answer.json()
        if not body["ok"]:
            raise RuntimeError(f"{answer.status}: {body}")
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    print_bars(compare())
