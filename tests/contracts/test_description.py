"""The OpenAPI documents say of every operation what it takes and answers, and cost nothing until they are asked for."""

import subprocess
import sys
from typing import Any

import pytest

from tests.contracts.honesty import Honesty
from tests.contracts.site import Site

ERRORS = {"/core": "wabee.ErrorBody", "/agents": "wabee.ErrorBody", "/v1": "wizchat.Error", "/": "wisebot.ErrorBody"}
STREAMS = {
    ("post", "/core/v1/chain_streaming"): {"TYPING_TEXT", "TOOL_CALLING", "END"},
    ("post", "/api/chat/agent"): {"start", "text-delta", "tool-call", "tool-result", "finish", "error"},
    ("get", "/api/v1/inbox/{conversation_id}/events"): {"message", "status"},
}
FOR_BOTH_KEYS = ("/api/v1/flows/config", "/api/v1/flows/apply", "/api/v1/flows/drift")


@pytest.fixture(scope="module")
def document(site: Site) -> Any:
    with site.client() as client:
        return client.get("/openapi.json").json()


def test_every_operation_is_described(document: Any) -> None:
    operations = [
        (path, method, operation) for path, found in document["paths"].items() for method, operation in found.items()
    ]
    assert len(operations) > 110
    for path, _, operation in operations:
        schema = operation["responses"]["default"]["content"]["application/json"]["schema"]
        owner = next(name for start, name in ERRORS.items() if path.startswith(start))
        owner = "wisebot.DeviceError" if path.startswith("/api/auth/device") else owner
        owner = "wisebot.FlowConfigError" if path in FOR_BOTH_KEYS else owner
        assert schema["$ref"].endswith(owner), path
        # Only an apply that stopped half way is a 422.
        assert ("422" in operation["responses"]) == (path == "/api/v1/flows/apply")
        assert operation["summary"]
        assert operation["description"]


@pytest.mark.parametrize("operation", STREAMS)
def test_streams_are_unions_told_apart_by_one_field(document: Any, operation: tuple[str, str]) -> None:
    method, path = operation
    schema = document["paths"][path][method]["responses"]["200"]["content"]["text/event-stream"]["schema"]
    assert len(schema["oneOf"]) >= 2
    assert set(schema["discriminator"]["mapping"]) >= STREAMS[operation]


def test_components_say_what_they_are(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert len(schemas) > 120
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []


def test_management_operations_have_shapes(site: Site) -> None:
    with site.client(Authorization=f"Bearer {site.key(site.organization(), 'wizchat')}") as client:
        paths = client.get("/api/v1/openapi.json").json()["paths"]
    plain = set()
    for path, found in paths.items():
        for method, operation in found.items():
            (answer,) = (one for status, one in operation["responses"].items() if status.startswith("2"))
            if answer.get("content", {}).get("application/json", {}).get("schema") == {"type": "object"}:
                plain.add(f"{method} {path}")
            if method in ("put", "patch") and "requestBody" not in operation:
                plain.add(f"{method} {path}")
    assert plain == {"get /api/v1/openapi.json"}


def test_undescribed_field_status_and_type_are_found(document: Any) -> None:
    honesty = Honesty()
    honesty.learn([document])
    honesty.check("GET", "/core/v1/health", 200, "application/json", b'{"status": "healthy", "mood": "fine"}')
    honesty.check("GET", "/core/v1/health", 200, "text/plain", b"fine")
    honesty.check("GET", "/core/v1/health", 207, "application/json", b"{}")
    honesty.check("GET", "/core/v1/health", 200, "application/json", b'{"status": "healthy"}')
    assert [problem.partition(": ")[0] for problem in honesty.problems] == [
        "GET /core/v1/health 200",
        "GET /core/v1/health 200",
        "GET /core/v1/health 207",
    ]


def test_shapes_are_loaded_when_they_are_asked_for(tmp_path: Any) -> None:
    program = f"""
import sys
from pathlib import Path
from trivium.server import create_app
from trivium.settings import Settings
app = create_app(Settings(data=Path({str(tmp_path)!r})))
late = {{f"trivium.contracts.{{name}}" for name in ("wabee.shapes", "wisebot.shapes", "wisebot.description")}}
assert not late & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
