"""Options that several commands share, and the settings that follow from them."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.cli._output import Form
from trivium.settings import Settings, load


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the data is."""

    data: Annotated[Path | None, Parameter(help="Data folder.")] = None
    config: Annotated[Path | None, Parameter(help="TOML file with settings, instead of the data folder's.")] = None

    def settings(self, **options: object) -> Settings:
        """Return the settings of all sources; warnings about them go to stderr."""
        loaded = load(config=self.config, options={"data": self.data, **options})
        for warning in loaded.warnings:
            print(f"trivium: {warning}", file=sys.stderr)
        return loaded.settings


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common(Place):
    """Where the data is and how results are printed."""

    json: Annotated[bool, Parameter(help="The same as -o json; errors become JSON too.", negative=())] = False
    output: Annotated[Form | None, Parameter(name=["--output", "-o"], help="Form of the output.")] = None

    @property
    def form(self) -> Form:
        """Return the form of the output."""
        return "json" if self.json else self.output or "table"


HERE = Place()
NOTHING = Common()
