"""A Wabee client as small as can be, reading streams as the vendor's Go client does."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.contracts.site import Site
from trivium.core.model.agents import Agent


@dataclass
class Wabee:
    """An agent, the secret of a key for it, and a client that sends it."""

    site: Site
    agent: Agent
    key: str
    http: httpx2.Client

    def ask(self, text: str = "Hello", **options: Any) -> httpx2.Response:
        """Ask through `/chain`."""
        body = {"messages": [{"role": "user", "content": text}]}
        return self.http.post("/core/v1/chain", json=body, **options)

    def stream(self, text: str = "Hello", *, path: str = "/core/v1/chain_streaming", **options: Any) -> httpx2.Response:
        """Ask through `/chain_streaming` and read the whole stream."""
        body = {"messages": [{"role": "user", "content": text}]}
        return self.http.post(path, json=body, **options)

    def use(self, *names: str) -> None:
        """Switch the test's own tools on for the agent."""
        self.agent.settings["hand_tools"] = [*names]
        self.site.run(self.site.platform.store.write(lambda tx: tx.agents.put(self.agent)))


@contextlib.contextmanager
def wabee(site: Site, *turns: Any, organization_id: str | None = None, **values: Any) -> Iterator[Wabee]:
    """Yield a new agent (in a new organization) with a key bound to it."""
    agent = site.agent(organization_id or site.organization(), *turns, **values)
    key = site.key(agent.organization_id, agent_ids=[agent.id])
    with site.client(**{"x-wabee-access": key}) as client:
        yield Wabee(site, agent, key, client)


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (id, piece) of a whole stream; comments are skipped."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if not lines:
            continue
        ids = [line.removeprefix("id: ") for line in lines if line.startswith("id:")]
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data:")]
        assert len(data) == 1
        assert len(data[0]) < 64 * 1024
        found.append((ids[0] if ids else "", json.loads(data[0])))
    return found


def typed(pieces: list[tuple[str, dict[str, Any]]]) -> str:
    """Return the answer as the client joins it."""
    return "".join(piece["token"] for _, piece in pieces if piece["agent_step"] in ("TYPING_TEXT", "FINAL_ANSWER"))
