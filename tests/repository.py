"""The project's own files, as the tests about form see them."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKIPPED_FOLDERS = {"_generated", ".venv", ".tools", "__pycache__", "site", "build", "dist"}


@dataclass(frozen=True)
class Module:
    """One Python file of ours."""

    path: Path

    @property
    def name(self) -> str:
        """Return the path below the repository's root, for messages and comparisons."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def source(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.name)


def modules(*folders: str) -> list[Module]:
    """Return our Python files below these folders, without the generated ones, in order."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return [Module(path) for path in sorted(found) if not SKIPPED_FOLDERS & set(path.parts)]


def tracked_files() -> list[Path]:
    """Return what git tracks or would track; nothing where there is no checkout."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    names = listing.stdout.split("\0") if listing.returncode == 0 else []
    paths = (ROOT / name for name in names if name)
    return [path for path in paths if path.is_file() and not path.is_symlink()]
