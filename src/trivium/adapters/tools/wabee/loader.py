"""Finds the tool in a project folder, as tolerantly as section 10.5 of wabee.md asks for."""

import importlib.util
import inspect
import re
import sys
import types
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trivium.adapters.tools.wabee import sdk
from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSONObject

_SPEC_BYTES_MAX = 100_000


@dataclass(frozen=True, kw_only=True)
class LoadedTool:
    """A tool of this process: call it with keywords, it answers with the pair."""

    name: str
    description: str
    input_schema: JSONObject
    call: Callable[..., Awaitable[Any]]


def load_tool(folder: Path) -> LoadedTool:
    """Import a project and return its tool. Runs the project's code: for folders of the operator only.

    InvalidRequest says what is missing: no toolspec.yaml, no module, or no tool in it.
    """
    spec = _read_spec(folder / "toolspec.yaml")
    name = str(spec.get("name") or folder.name)
    module = _import(_module_file(folder, spec))
    arguments = {str(one["name"]): one.get("value") for one in spec.get("tool_args") or [] if isinstance(one, dict)}
    tool = _find(module, name)
    description = str(spec.get("description") or "")
    if inspect.isclass(tool):
        return _from_object(_made(tool, arguments), name, description)
    return _from_function(tool, name, description)


def _read_spec(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes()[:_SPEC_BYTES_MAX].decode()
        document = YAML(typ="safe", pure=True).load(text)
    except FileNotFoundError as error:
        raise InvalidRequest(f"{path.parent.name} has no toolspec.yaml.", code="invalid_tool") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path.parent.name}/toolspec.yaml is no YAML.", code="invalid_tool") from error
    spec = document.get("tool") if isinstance(document, dict) else None
    if not isinstance(spec, dict):
        raise InvalidRequest(f"{path.parent.name}/toolspec.yaml has no `tool`.", code="invalid_tool")
    return spec


def _module_file(folder: Path, spec: dict[str, Any]) -> Path:
    """Return the module's file: as named, else the only `*_tool.py`, because generated projects name missing files."""
    named = str(spec.get("module") or "").replace(".", "/") or str(spec.get("entrypoint") or "").removesuffix(".py")
    if named:
        path = (folder / f"{named}.py").resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            return path
    found = sorted(folder.glob("*_tool.py"))
    if len(found) != 1:
        raise InvalidRequest(
            f"{folder.name} has {len(found)} files *_tool.py; name one as `entrypoint`.", code="invalid_tool"
        )
    return found[0]


def _import(path: Path) -> types.ModuleType:
    provide_wabee()
    # A name of its own, so that two projects with a module of one name do not meet.
    name = "_wabee_tools." + re.sub(r"\W", "_", str(path.resolve()))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidRequest(f"{path.name} cannot be imported.", code="invalid_tool")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # A project imports what lies beside it.
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InvalidRequest(f"{path.name} fails: {type(error).__name__}: {error}", code="invalid_tool") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def provide_wabee() -> None:
    """Let `import wabee.tools…` find our authoring module where the published package is not installed."""
    if "wabee" in sys.modules or importlib.util.find_spec("wabee") is not None:
        return
    for name in ("wabee", "wabee.tools", "wabee.tools.simple_tool", "wabee.tools.base_tool", "wabee.tools.base_model"):
        sys.modules[name] = _module_like(name)
    sys.modules["wabee.tools.tool_error"] = _module_like("wabee.tools.tool_error")
    sys.modules["wabee"].tools = sys.modules["wabee.tools"]  # type: ignore[attr-defined]


def _module_like(name: str) -> types.ModuleType:
    module = types.ModuleType(name, "Stands in for the published package.")
    module.__path__ = []
    for public in sdk.__all__:
        setattr(module, public, getattr(sdk, public))
    return module


def _find(module: types.ModuleType, name: str) -> Any:
    """Return the class or function: `<Name>Tool`, else a subclass of BaseTool, else a decorated function."""
    plain = re.sub(r"\W|_", "", name).casefold()
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    classes = [value for value in own if inspect.isclass(value) and hasattr(value, "execute")]
    for known in (f"{plain}tool", plain):
        for value in classes:
            if value.__name__.casefold() == known:
                return value
    if classes:
        return classes[0]
    functions = [value for value in own if inspect.iscoroutinefunction(value) and hasattr(value, "__wrapped__")]
    if not functions:
        raise InvalidRequest(f"There is no tool in {Path(str(module.__file__)).name}.", code="invalid_tool")
    for value in functions:
        if re.sub(r"_", "", value.__name__).casefold() in (f"{plain}tool", plain):
            return value
    return functions[0]


def _made(cls: Any, arguments: dict[str, Any]) -> Any:
    try:
        return cls.create(**arguments) if hasattr(cls, "create") else cls(**arguments)
    except Exception as error:
        raise InvalidRequest(
            f"{cls.__name__} cannot be made: {type(error).__name__}: {error}", code="invalid_tool"
        ) from error


def _from_object(tool: Any, name: str, description: str) -> LoadedTool:
    given = getattr(tool, "args_schema", None)
    schema: type[BaseModel] | None = given if inspect.isclass(given) and issubclass(given, BaseModel) else None

    async def call(**values: Any) -> Any:
        try:
            return await tool.execute(values if schema is None else schema.model_validate(values))
        except Exception as error:  # noqa: BLE001 - whatever a tool raises is told as the error of the pair
            return None, sdk.error_of(error)

    return LoadedTool(
        name=str(getattr(tool, "tool_name", None) or getattr(tool, "name", None) or name),
        description=str(getattr(tool, "description", None) or description),
        input_schema={"type": "object"} if schema is None else schema.model_json_schema(),
        call=call,
    )


def _from_function(function: Any, name: str, description: str) -> LoadedTool:
    known = getattr(function, "__wabee_tool__", None)
    if known is not None:
        name, description, schema = known["name"], known["description"] or description, known["schema"]
    else:
        # The published decorator keeps nothing but the function it wraps.
        inner = function.__wrapped__
        schema, description = _model_behind(inner), description or inspect.getdoc(inner) or ""
    return LoadedTool(name=name, description=description, input_schema=schema.model_json_schema(), call=function)


def _model_behind(function: Any) -> type[BaseModel]:
    model = sdk.model_of(function)
    fields = list(model.model_fields.values())
    if len(fields) == 1 and inspect.isclass(fields[0].annotation) and issubclass(fields[0].annotation, BaseModel):
        return fields[0].annotation
    return model
