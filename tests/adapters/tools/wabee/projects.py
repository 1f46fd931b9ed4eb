"""Tool projects as the published generator writes them."""

from contextlib import chdir
from pathlib import Path
from typing import Literal

from wabee.cli.tools.create_tool_service import CreateToolService

Kind = Literal["simple", "complete"]


def generated(folder: Path, name: str, kind: Kind) -> Path:
    """Return the folder of a new project."""
    before = set(folder.iterdir())
    with chdir(folder):
        CreateToolService().create_tool(name, kind, "Looks up things", "0.1.0", "python", generate_js=False)
    (made,) = set(folder.iterdir()) - before
    return made


def project(folder: Path, name: str, code: str, spec: str = "") -> Path:
    """Return the folder of a project with this code."""
    made = folder / name
    made.mkdir()
    (made / "toolspec.yaml").write_text(spec or f"tool:\n  name: {name}\n  entrypoint: {name}_tool.py\n")
    (made / f"{name}_tool.py").write_text(code)
    return made
