"""An organization with people, keys and an agent, and short ways to call the dashboard and the chat."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2

from tests.contracts.site import Site
from trivium.core.model.agents import Agent
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject

PASSWORD = "correct horse battery staple"
CHAIN: list[JSONObject] = [
    {
        "id": "s1",
        "key": "message",
        "type": "input",
        "name": "Message",
        "config": {"field": "message", "required": True},
    },
    {"id": "s2", "key": "upper", "type": "transform", "name": "Upper", "config": {"expression": "upper(message)"}},
    {"id": "s3", "key": "out", "type": "output", "name": "Result", "config": {"value": "{{upper}}"}},
]
CHAIN_EDGES: list[JSONObject] = [{"from": "s1", "to": "s2"}, {"from": "s2", "to": "s3"}]


class Office:
    """One organization on the site."""

    def __init__(self, site: Site, *turns: JSONObject, **agent: Any) -> None:
        self.site = site
        self.platform = site.platform
        self.organization_id = site.organization()
        self.email = f"{new_id('user')}@example.test"
        self.agent: Agent = site.agent(self.organization_id, *turns, **agent)
        site.make_default(self.agent)
        self.key = site.key(self.organization_id, "wisebot")
        self.person("owner", self.email)
        self.jwt = self.token(self.email)
        self.api = site.client(Authorization=f"Bearer {self.key}")
        self.people = site.client(Authorization=f"Bearer {self.jwt}")

    def person(self, role: Any, email: str) -> None:
        """Add a person to the organization."""
        accounts = self.platform.access
        self.site.run(accounts.create_user(email, organization_id=self.organization_id, role=role, password=PASSWORD))

    def token(self, email: str) -> str:
        """Return the JWT of a person."""
        return self.site.run(self.platform.access.issue_token(email, organization_id=self.organization_id)).token

    def member(self) -> httpx2.Client:
        """Return a client of a person with the role of a member."""
        email = f"{new_id('user')}@example.test"
        self.person("member", email)
        return self.site.client(Authorization=f"Bearer {self.token(email)}")

    def flow(self, steps: Any = None, edges: Any = None, **fields: Any) -> Any:
        """Save a workflow and return it with its secret."""
        body = {
            "name": "Test",
            "steps": steps or CHAIN,
            "edges": CHAIN_EDGES if steps is None else edges or [],
            **fields,
        }
        answer = self.api.post("/api/v1/flows", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def session(self, visitor: str = "user_42", **fields: Any) -> Any:
        """Open a visitor's conversation."""
        answer = self.api.post("/api/v1/chat/sessions", json={"externalUserId": visitor, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, session: JSONObject, prompt: str, path: str = "/api/chat/agent", **fields: Any) -> list[Any]:
        """Return the events of one streamed answer."""
        answer = self.api.post(path, json={**pair(session), "prompt": prompt, **fields})
        assert answer.status_code == 200, answer.text
        return list(events_of(answer.text))

    def close(self) -> None:
        """Close the clients."""
        self.api.close()
        self.people.close()


def pair(session: JSONObject) -> dict[str, Any]:
    """Return the two ids of a session."""
    return {"threadId": session["threadId"], "contactSessionId": session["contactSessionId"]}


def events_of(text: str) -> Iterator[Any]:
    """Yield the events of a stream as the documented client reads them; the text must end with the end mark."""
    assert text.endswith("data: [DONE]\n\n"), text[-200:]
    for line in text.splitlines():
        if line.startswith("data:") and line[5:].strip() != "[DONE]":
            yield json.loads(line[5:])


def error_of(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """Return the error body of an answer after checking its shape."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert isinstance(body["error"], str), body
    assert isinstance(body["message"], str), body
    assert isinstance(body["code"], str), body
    return body
