"""`trivium`: every command, each imported only when it is used."""

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from trivium.cli._output import CONFIGURATION, FAILED, USAGE, StopError, show_error
from trivium.cli.remote_commands import REMOTE_COMMANDS
from trivium.cli.start import read_start

if TYPE_CHECKING:
    from cyclopts import App

SUMMARY = "A self-hosted platform for AI agents."
# Name, place below `trivium.cli`, what it does: adding a command is adding a row.
COMMANDS = (
    ("serve", "serve:serve", "Start the server."),
    ("demo", "serve:demo", "Start the server with a sample agent, files and keys."),
    ("migrate", "migrate:migrate", "Bring the database to the current schema."),
    ("doctor", "doctor:doctor", "Check everything and say what to do."),
    ("backup", "backup:backup", "Write the data folder into one file, beside a running server too."),
    ("restore", "backup:restore", "Make a data folder from a backup."),
    ("worker", "worker:worker", "Do background work in a process of its own."),
    ("tools", "tools:app", "Write, try and serve tools of your own."),
    ("admin", "admin:app", "Organizations, people, agents and keys, on the data folder itself."),
    *REMOTE_COMMANDS,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; always ends with SystemExit: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words in ([], ["--help"], ["-h"]):
        # Printed by hand: the library for command lines takes longer to import than anybody wants to wait for a list.
        print(overview())
        sys.exit(0)
    if "--no-color" in words:
        os.environ["NO_COLOR"] = "1"
    try:
        take_global_options(words)
        start = read_start(words)
        if start is not None:
            start.run(is_fresh=True)
        make_app()(words, exit_on_error=False, print_error=False)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Who read our output has had enough; nothing more can be written, not even at exit.
        sys.stdout = None
        sys.exit(FAILED)
    except Exception as error:
        stop = stop_for(error)
        if stop is None:
            raise
        show_error(stop, as_json=wants_json(words))
        sys.exit(stop.status)


def take_global_options(words: list[str]) -> None:
    """Take up `--config FILE` of the commands that talk to a server: the file of contexts. Others have their own."""
    names = {name for name, _, _ in REMOTE_COMMANDS} | {"wisebot"}
    if not words or words[0] not in names:
        return
    for index, word in enumerate(words):
        name, sign, value = word.partition("=")
        if name == "--config" and (sign or index + 1 < len(words)):
            os.environ["TRIVIUM_CONTEXTS"] = value if sign else words[index + 1]
            del words[index : index + (1 if sign else 2)]
            return


def wants_json(words: Sequence[str]) -> bool:
    """Return whether the output was asked for as JSON; then errors are JSON too."""
    return "--json" in words or any(pair in {("-o", "json"), ("--output", "json")} for pair in pairwise(words))


def overview() -> str:
    """Return the list of commands."""
    width = max(len(name) for name, _, _ in COMMANDS)
    lines = [f"  {name.ljust(width)}  {text}" for name, _, text in COMMANDS]
    usage = "Usage: trivium COMMAND [OPTIONS]\n\n" + SUMMARY
    return "\n".join([usage, "", "Commands:", *lines, "", "More about one: trivium COMMAND --help"])


def make_app() -> "App":
    """Return the command line; no command's module is imported yet."""
    from cyclopts import App, Parameter

    from trivium import __version__

    app = App(name="trivium", help=SUMMARY, version=__version__, default_parameter=Parameter(negative=()))
    for name, place, _ in COMMANDS:
        app.command(f"trivium.cli.{place}", name=name)  # its own docstring is its help, with an example
    return app


def stop_for(error: Exception) -> StopError | None:
    """Return how an error ends a command; None for one that nobody foresaw."""
    from cyclopts import CycloptsError

    from trivium.core.errors import CoreError
    from trivium.settings import SettingsError

    match error:
        case StopError():
            return error
        case CycloptsError():
            text = " ".join(str(error).split())
            return StopError(text, hint="See: trivium --help", status=USAGE, code="usage")
        case SettingsError():
            return StopError(" ".join(error.problems), status=CONFIGURATION, code="settings")
        case CoreError():
            return StopError(error.message, code=error.code)
        case _:
            return None


if __name__ == "__main__":
    main()
