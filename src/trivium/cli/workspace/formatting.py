"""One form for the files of a workspace; comments stay."""

from typing import cast

from trivium.cli.workspace.files import SECTIONS, TOP_FIELDS, AgentFiles, read_yaml, yaml_text
from trivium.cli.workspace.merging import Value


def formatted(files: AgentFiles) -> dict[str, str]:
    """Return the text that each YAML file of an agent should have, by its name."""
    found = {}
    for file in sorted(files.folder.glob("agent*.yaml")):
        content = read_yaml(file, files, plain=False)
        if isinstance(content, dict):
            _order(content, TOP_FIELDS)
            if isinstance(content.get("spec"), dict):
                _order(cast("dict[str, Value]", content["spec"]), SECTIONS)
        found[file.name] = yaml_text(content)
    return found


def _order(content: dict[str, Value], names: tuple[str, ...]) -> None:
    """Bring the fields into this order, with what is not named last; comments move along."""
    wanted = [*(name for name in names if name in content), *(name for name in content if name not in names)]
    if list(content) == wanted:
        return
    move = getattr(content, "move_to_end", None)
    for name in wanted:
        if move is not None:
            move(name)
