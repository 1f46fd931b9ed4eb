"""The examples of the published WizChat client, as its package brings them; only the import is changed."""

import ast
import os
import re
from collections.abc import Iterator
from importlib.metadata import metadata

import pytest

from tests.docs.conftest import DemoServer, demo_server  # noqa: F401
from trivium_client import WizChatApiError, WizChatClient

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]
_METADATA = metadata("wizchat-management")
README = str(_METADATA["Description"] or _METADATA.get_payload())  # type: ignore[attr-defined]  # it is a message
BLOCKS = [
    block.replace("wizchat_management", "trivium_client")
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
]
RUN = [block for block in BLOCKS if not block.startswith("class ")]


@pytest.fixture
def names(demo_server: DemoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:  # noqa: F811
    """Return what the examples take for granted; what they change is put back."""
    for name in ("WIZCHAT_API_KEY", "WIZCHAT_BASE_URL"):
        monkeypatch.setenv(name, demo_server.environment[name])
    with WizChatClient() as wizchat:
        chatbot_id = wizchat.list_chatbots()[0].id
        before = wizchat.get_config(chatbot_id)
        yield {
            "os": os,
            "WizChatClient": WizChatClient,
            "wizchat": wizchat,
            "chatbot_id": chatbot_id,
            "config": wizchat.get_config(chatbot_id),
        }
        assert wizchat.apply_config(chatbot_id, before).failed is None


@pytest.mark.parametrize("block", RUN, ids=range(len(RUN)))
def test_example_runs(names: dict[str, object], capsys: pytest.CaptureFixture[str], block: str) -> None:
    exec(compile(block, "README", "exec"), names)
    printed = capsys.readouterr().out
    assert "API error" not in printed
    assert "section failed" not in printed
    if "print(plan.plan.summary)" in block:
        summary, applied = printed.splitlines()
        assert "update=1" in summary
        assert "core" in applied
    for name in re.findall(r"^(\w+) = ", block, re.MULTILINE):
        assert names[name] is not None


def test_all_examples_were_found() -> None:
    assert (len(BLOCKS), len(RUN)) == (7, 6)


def test_error_has_the_documented_fields(names: dict[str, object]) -> None:
    (described,) = (ast.parse(block).body[0] for block in BLOCKS if block.startswith("class "))
    assert isinstance(described, ast.ClassDef)
    fields = [
        one.target.id for one in described.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    ]
    with pytest.raises(WizChatApiError) as caught:
        names["wizchat"].get_chatbot("none")  # type: ignore[attr-defined]  # it is a client
    assert described.name == "WizChatApiError"
    assert {name: type(getattr(caught.value, name)) for name in fields[:3]} == {
        "status": int,
        "code": str,
        "message": str,
    }
    assert hasattr(caught.value, fields[3])


def test_less_common_models_are_where_they_were() -> None:
    from trivium_client.models import PublicMcpServer, PublicSkill, PublicTelemetry

    assert [model.__name__ for model in (PublicMcpServer, PublicSkill, PublicTelemetry)] == [
        "PublicMcpServer",
        "PublicSkill",
        "PublicTelemetry",
    ]
