"""The files of a workspace: found, read, checked, written.

trivium.yaml                 optional: settings of the workspace
agents/NAME/agent.yaml       one agent: which chatbot it is, and its configuration
agents/NAME/agent.ENV.yaml   what differs in an environment
agents/NAME/*.md             prompts and skills, referred to as ${file:prompt.md}
"""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from trivium.cli._output import StopError
from trivium.cli.workspace.merging import Filled, Value, fill, identities, merge, spelled

if TYPE_CHECKING:
    from ruamel.yaml import YAML

AGENTS = "agents"
BASE = "agent.yaml"
FILE_BYTES_MAX = 4 * 1024 * 1024
TOP_FIELDS = ("apiVersion", "kind", "chatbot", "prune", "spec", "secrets")
SECTIONS = (
    "core",
    "scopes",
    "accessProtection",
    "externalApi",
    "accessLists",
    "telemetry",
    "mcpServers",
    "skills",
    "domains",
)


class WorkspaceError(StopError):
    """Files that cannot be used, each with its place."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems), code="workspace")
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class AgentFiles:
    """The folder of one agent."""

    folder: Path
    root: Path
    environment: str | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def base(self) -> Path:
        return self.folder / BASE

    @property
    def overlay(self) -> Path | None:
        """Return the file of the environment, where one is chosen."""
        return None if self.environment is None else self.folder / f"agent.{self.environment}.yaml"

    def shown(self, path: Path) -> str:
        """Return a path as it is told to people: from the workspace on."""
        return path.relative_to(self.root).as_posix()


@dataclass(frozen=True, kw_only=True)
class Agent:
    """An agent as its files want it."""

    files: AgentFiles
    chatbot: str
    document: dict[str, Value]
    secrets: dict[str, str] = field(default_factory=dict)
    hidden: Mapping[tuple[str | int, ...], str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.files.name


def find(root: Path, environment: str | None, only: list[str] | None = None) -> list[AgentFiles]:
    """Return the agents of a workspace in the order of their names; raises WorkspaceError for one that is missing."""
    found = sorted(path.parent for path in (root / AGENTS).glob(f"*/{BASE}"))
    agents = {folder.name: AgentFiles(folder=folder, root=root, environment=environment) for folder in found}
    missing = [name for name in only or [] if name not in agents]
    if missing:
        raise WorkspaceError(*(f"{AGENTS}/{name}/{BASE}: no such file" for name in missing))
    return [agent for name, agent in agents.items() if not only or name in only]


def load(files: AgentFiles, environment: Mapping[str, str] | None = None) -> Agent:
    """Return an agent with its overlay laid on and its references filled in; raises WorkspaceError."""
    content = read_yaml(files.base, files)
    if files.overlay is not None and files.overlay.exists():
        content = merge(content, read_yaml(files.overlay, files))
    if not isinstance(content, dict):
        raise WorkspaceError(f"{files.shown(files.base)}: an object is expected")
    try:
        filled = fill(content, os.environ if environment is None else environment, lambda name: read_text(files, name))
    except KeyError as error:
        raise WorkspaceError(f"{files.shown(files.base)}: {error.args[0]}") from error
    return _agent(files, filled)


def _agent(files: AgentFiles, filled: Filled) -> Agent:
    content = cast("dict[str, Value]", filled.value)
    problems = [*_problems(content)]
    if problems:
        raise WorkspaceError(*(f"{files.shown(files.base)}: {problem}" for problem in problems))
    secrets = cast("dict[str, str]", content.get("secrets") or {})
    document = {key: value for key, value in content.items() if key not in {"chatbot", "secrets"}}
    document = {"apiVersion": "v1", "kind": "ChatbotConfig", **document}
    chatbot = content.get("chatbot")
    return Agent(
        files=files,
        chatbot=str(chatbot) if chatbot else files.name,
        document=document,
        secrets=secrets,
        hidden=filled.hidden,
    )


def _problems(content: dict[str, Value]) -> list[str]:
    """Return what a server would refuse, or what would do something else than it says."""
    problems = [f"{key}: unknown field" for key in content if key not in TOP_FIELDS]
    secrets = content.get("secrets")
    if secrets is not None and not (
        isinstance(secrets, dict) and all(isinstance(value, str | None) for value in secrets.values())
    ):
        problems.append("secrets: an object of texts is expected")
    spec = content.get("spec")
    if not isinstance(spec, dict):
        return [*problems, "spec: an object is expected"]
    seen: set[tuple[str, str]] = set()
    for section, identity, index, key in identities(spec):
        place = f"spec.{section}[{index}].{identity}"
        if not isinstance(key, str) or not key:
            problems.append(f"{place}: missing")
        elif (section, key) in seen:
            problems.append(f"{place}: {key!r} is there twice")
        else:
            seen.add((section, key))
    return [*problems, *_misshapen(content, spec)]


def _misshapen(content: dict[str, Value], spec: dict[str, Value]) -> list[str]:
    from pydantic import ValidationError

    from trivium_client import ChatbotConfigDocument

    document = {key: value for key, value in content.items() if key in {"apiVersion", "kind", "prune"}}
    try:
        ChatbotConfigDocument.model_validate({**document, "spec": spec})
    except ValidationError as error:
        return [f"{spelled(found['loc'])}: {found['msg'].lower()}" for found in error.errors()]
    return []


def read_text(files: AgentFiles, name: str) -> str:
    """Return a file that is referred to. It lies in the workspace, or is named by its whole path."""
    path = Path(name) if Path(name).is_absolute() else (files.folder / name).resolve()
    if not Path(name).is_absolute() and not path.is_relative_to(files.root.resolve()):
        raise WorkspaceError(f"{files.shown(files.base)}: {name} is outside of the workspace")
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise WorkspaceError(f"{name}: larger than {FILE_BYTES_MAX >> 20} MiB")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise WorkspaceError(f"{files.shown(files.base)}: {name}: {said}") from error
    # Editors end files with a newline; prompts and secrets do not want one.
    return text.removesuffix("\n")


def yaml_rules() -> "YAML":
    """Return how YAML is read and written here: comments, quotes and order are kept."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 120
    yaml.preserve_quotes = True
    return yaml


def read_yaml(path: Path, files: AgentFiles, *, plain: bool = True) -> Value:
    """Return what a file holds, as plain values or with its comments; raises WorkspaceError with line and column."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise WorkspaceError(f"{files.shown(path)}: larger than {FILE_BYTES_MAX >> 20} MiB")
        text = path.read_text("utf-8")
        if plain and "%" not in text[:1]:
            # The reader in C stands for most of the speed of a plan. What it refuses is read again, for the better
            # messages and the stricter eye of the one in Python.
            with contextlib.suppress(YAMLError):
                return cast("Value", YAML(typ="safe").load(text))
        return cast("Value", (YAML(typ="safe", pure=True) if plain else yaml_rules()).load(text))
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise WorkspaceError(f"{files.shown(path)}{where}: {problem}") from error
    except OSError as error:
        raise WorkspaceError(f"{files.shown(path)}: {error.strerror}") from error


def yaml_text(content: Value) -> str:
    """Return the text of a file with this content. Comments are given up where they would spoil it."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    text = _dumped(content)
    try:
        is_same = YAML(typ="safe", pure=True).load(text) == plain(content)
    except YAMLError:
        is_same = False
    # Comments inside of what has become empty are written where no reader accepts them.
    return text if is_same else _dumped(plain(content))


def plain(value: object) -> Value:
    """Return what was read without its comments."""
    match value:
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case bool() | None:
            return value
        case int():
            return int(value)
        case float():
            return float(value)
        case _:
            return str(value)


def _dumped(content: Value) -> str:
    buffer = StringIO()
    yaml_rules().dump(content, buffer)
    return buffer.getvalue()


def write(path: Path, text: str) -> bool:
    """Write a file whole; return whether it changed."""
    if path.exists() and path.read_text("utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
    return True
