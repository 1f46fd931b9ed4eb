"""Every form in which tools are written can be loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.tools.wabee.projects import Kind, generated, project
from trivium.adapters.tools.wabee.answers import read_answer
from trivium.adapters.tools.wabee.loader import load_tool
from trivium.adapters.tools.wabee.local import answer_of
from trivium.adapters.tools.wabee.project import new_project
from trivium.core.errors import Conflict, InvalidRequest

OURS = "from trivium.adapters.tools.wabee.sdk import *\nfrom pydantic import BaseModel\n"


@pytest.mark.parametrize("kind", ["simple", "complete"])
@pytest.mark.parametrize("name", ["invoice", "my tool"])
async def test_generated_projects_of_the_published_package_load_and_run(tmp_path: Path, name: str, kind: Kind) -> None:
    tool = load_tool(generated(tmp_path, name, kind))
    assert tool.name in ("Invoice", "MyTool")
    assert tool.description == "Looks up things"
    assert tool.input_schema["required"] == ["message"]
    answer = read_answer(await answer_of(tool, {"message": "x"}, {}))
    assert (answer.content, answer.variable_name) == ("Processed: x", "result")


def test_generated_projects_run_without_the_published_package(tmp_path: Path) -> None:
    folder = generated(tmp_path, "my tool", "complete")
    code = (
        "import asyncio, sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'wabee': raise ModuleNotFoundError(name)\n"
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'wabee' else find(name, *rest)\n"
        "sys.meta_path.insert(0, Gone())\n"
        "from pathlib import Path\n"
        "from trivium.adapters.tools.wabee.loader import load_tool\n"
        "tool = load_tool(Path(sys.argv[1]))\n"
        "print(asyncio.run(tool.call(message='x'))[0].content)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("Processed: x\n", "")


@pytest.mark.parametrize("is_complete", [False, True])
async def test_our_new_project_runs_as_it_is(tmp_path: Path, is_complete: bool) -> None:
    folder = new_project(tmp_path, "plant Report", description="Says: it", is_complete=is_complete)
    tool = load_tool(folder)
    assert (tool.name, tool.description) == ("PlantReport", "Says  it")
    assert read_answer(await answer_of(tool, {"text": "abc"}, {})).content == "ABC"
    with pytest.raises(Conflict):
        new_project(tmp_path, "plant report", description="", is_complete=False)


@pytest.mark.parametrize("name", ["", "7up", "class", "../x/" + "y" * 70])
def test_what_cannot_name_a_tool_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest):
        new_project(tmp_path, name, description="", is_complete=False)


async def test_a_class_gets_the_arguments_of_its_specification(tmp_path: Path) -> None:
    code = OURS + (
        "class Other(BaseTool): pass\n"
        "class PriceTool(BaseTool):\n"
        "    async def execute(self, given): return self.base_url, None\n"
    )
    spec = "tool:\n  name: Price\n  module: price_tool\n  tool_args:\n    - {name: base_url, value: 'http://a.test'}\n"
    tool = load_tool(project(tmp_path, "price", code, spec))
    assert await answer_of(tool, {}, {}) == "http://a.test"


async def test_annotations_are_the_schema_of_a_plain_function(tmp_path: Path) -> None:
    code = OURS + "@simple_tool()\nasync def stock(city: str, n: int = 2):\n    'Counts.'\n    return {city: n}\n"
    tool = load_tool(project(tmp_path, "stock", code))
    assert (tool.name, tool.description, tool.input_schema["required"]) == ("stock", "Counts.", ["city"])
    assert await answer_of(tool, {"city": "Porto"}, {}) == {"Porto": 2}


async def test_named_fields_are_one_model_and_all_required(tmp_path: Path) -> None:
    code = OURS + "@simple_tool(city=str, n=int)\nasync def stock(given): return [given.city, given.n]\n"
    tool = load_tool(project(tmp_path, "stock", code))
    assert tool.input_schema["required"] == ["city", "n"]
    assert await answer_of(tool, {"city": "Porto", "n": "3"}, {}) == ["Porto", 3]


async def test_headers_reach_the_tool(tmp_path: Path) -> None:
    code = OURS + "@simple_tool()\nasync def who(): return current_headers.get()['stix-user']\n"
    tool = load_tool(project(tmp_path, "who", code))
    assert await answer_of(tool, {}, {"stix-user": "ana"}) == "ana"


@pytest.mark.parametrize(
    ("code", "spec"),
    [
        ("x = 1\n", ""),
        ("raise RuntimeError\n", ""),
        ("def broken(:\n", ""),
        ("x = 1\n", "tool: [\n"),
        ("x = 1\n", "other: 1\n"),
        (OURS + "class BadTool(BaseTool):\n    def __init__(self): raise ValueError\n", ""),
    ],
)
def test_projects_without_a_tool_say_what_is_missing(tmp_path: Path, code: str, spec: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        load_tool(project(tmp_path, "bad", code, spec))
    assert raised.value.code == "invalid_tool"
    with pytest.raises(InvalidRequest, match=r"no toolspec\.yaml"):
        load_tool(tmp_path)
