"""What the commands of `trivium config` have in common: which workspace, and what of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from trivium.cli.remote import Remote

if TYPE_CHECKING:
    from trivium.cli.workspace.planning import Choice
    from trivium.cli.workspace.wanted import Wanted


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Workspace(Remote):
    """Which workspace, and which of its agents."""

    workspace: Annotated[Path, Parameter(name=["--workspace", "-w"], help="Folder of the workspace.")] = Path()
    env: Annotated[str | None, Parameter(help="Environment whose overlays (agent.ENV.yaml) are laid on.")] = None

    @property
    def root(self) -> Path:
        """Return the folder, whole."""
        return self.workspace.resolve()

    def wanted(self, names: tuple[str, ...], choice: "Choice | None" = None, *, is_saved: bool = False) -> "Wanted":
        """Return what the files of these agents and workflows want; raises StopError with all that is wrong in all."""
        from trivium.cli.workspace.wanted import wanted

        return wanted(self.root, self.env, names, choice, is_saved=is_saved)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Selection:
    """What of each document is planned."""

    target: Annotated[
        list[str] | None, Parameter(help="Only this section, section/key or workflows/NAME; may be repeated.")
    ] = None
    exclude: Annotated[
        list[str] | None, Parameter(help="Not this section, section/key or workflows/NAME; may be repeated.")
    ] = None
    no_prune: Annotated[bool, Parameter(help="Create and update, delete nothing.", negative=())] = False
    prune_workflows: Annotated[
        bool, Parameter(help="Delete the workflows that have no file in workflows/.", negative=())
    ] = False
    max_deletes: Annotated[
        int | None, Parameter(help="Refuse when more would be deleted, per agent and of the workflows.")
    ] = None

    @property
    def choice(self) -> "Choice":
        """Return the same as data."""
        from trivium.cli.workspace.planning import Choice

        return Choice(
            target=tuple(self.target or ()),
            exclude=tuple(self.exclude or ()),
            prune=False if self.no_prune else None,
            prune_workflows=self.prune_workflows and not self.no_prune,
            max_deletes=self.max_deletes,
        )


HERE = Workspace()
ALL = Selection()
DetailedExitCode = Annotated[bool, Parameter(help="Exit with 2 when there are changes.", negative=())]
