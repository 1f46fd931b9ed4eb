"""Options that several commands share, and the settings that follow from them."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.cli._output import CONFIGURATION, StopError
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

    json: Annotated[bool, Parameter(help="Print results and errors as JSON.", negative=())] = False


HERE = Place()
NOTHING = Common()


def make_folder(settings: Settings) -> Path:
    """Make the data folder (mode 0700) where it is missing; return the path of its database."""
    if settings.database_url:
        raise StopError("Only the embedded database is supported.", hint="Unset database_url.", status=CONFIGURATION)
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        message = f"The data folder {settings.data} cannot be made: {error.strerror}."
        raise StopError(message, hint="Name another with --data.", status=CONFIGURATION, code="data_folder") from error
    return settings.database_path
