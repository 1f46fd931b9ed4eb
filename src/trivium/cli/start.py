"""Starting the server: what `trivium serve` and `trivium demo` do, in a process that holds nothing else.

The usual options are read here by hand, because the library for command lines takes 0.2 s to import and would stay in
the server's memory for ever (10 MB). Everything else, mistakes included, goes through it and then starts afresh.
"""

import errno
import gc
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from trivium.cli._output import CONFIGURATION, FAILED, StopError, show_error
from trivium.settings import Settings, load

if TYPE_CHECKING:
    from trivium.core.platform import Platform

_OPTIONS = ("host", "port", "data", "config")


@dataclass(frozen=True, kw_only=True)
class Start:
    """What to start: the sample or just the server, and the options that were given."""

    is_demo: bool
    options: dict[str, str | None]

    def run(self, *, is_fresh: bool, warns: bool = True) -> NoReturn:
        """Serve until told to stop, in a fresh interpreter unless this one is. StopError says what keeps it."""
        config = self.options.get("config")
        options = {name: value for name, value in self.options.items() if name != "config"}
        loaded = load(config=Path(config) if config else None, options=options)
        for warning in loaded.warnings if warns else ():
            print(f"trivium: {warning}", file=sys.stderr)
        if migrate_folder(loaded.settings) or not is_fresh:
            self._replace_process()
        sys.exit(_demo(loaded.settings) if self.is_demo else _serve(loaded.settings))

    def _replace_process(self) -> NoReturn:
        sys.stdout.flush()
        words = [sys.executable, "-P", "-m", "trivium.cli.start", json.dumps(asdict(self))]
        os.execv(sys.executable, words)  # noqa: S606 - our own interpreter, no shell


def read_start(words: Sequence[str]) -> Start | None:
    """Return what to start, or None when the words hold anything but the usual options with a value each."""
    if not words or words[0] not in ("serve", "demo"):
        return None
    options: dict[str, str | None] = {}
    rest = iter(words[1:])
    for word in rest:
        name, has_value, value = word.partition("=")
        value = value if has_value else next(rest, "")
        if not name.startswith("--") or name[2:] not in _OPTIONS or not value or value.startswith("-"):
            return None
        options[name[2:]] = value
    return Start(is_demo=words[0] == "demo", options=options)


def make_folder(settings: Settings) -> None:
    """Make the data folder (mode 0700) where it is missing."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        message = f"The data folder {settings.data} cannot be made: {error.strerror}."
        raise StopError(message, hint="Name another with --data.", status=CONFIGURATION, code="data_folder") from error


def migrate_folder(settings: Settings) -> bool:
    """Make the data folder and bring its database to the current schema; True when something was migrated."""
    from trivium.adapters.sql.opening import make_current

    make_folder(settings)
    try:
        return make_current(settings.database_path, settings.database_url)
    except ImportError as error:
        message = "PostgreSQL needs its driver."
        hint = "Install it: pip install 'trivium[postgres]'"
        raise StopError(message, hint=hint, status=CONFIGURATION, code="no_driver") from error
    except Exception as error:
        # Every driver has its own errors; those of a server may show the password that its address holds.
        place = "of database_url" if settings.database_url else str(settings.database_path)
        reason = type(error).__name__ if settings.database_url else str(error)
        message = f"The database {place} cannot be used: {reason}."
        raise StopError(message, hint="Try: trivium doctor", status=CONFIGURATION, code="database") from error


def main() -> None:
    """Run what the one argument describes; always ends with SystemExit."""
    try:
        # The process before this one has given the warnings.
        Start(**json.loads(sys.argv[1])).run(is_fresh=True, warns=False)
    except StopError as error:
        show_error(error, as_json=False)
        sys.exit(error.status)


def _serve(settings: Settings) -> int:
    def ready(_platform: "Platform", port: int) -> None:
        print(f"Trivium is ready on {settings.base_url(port)}", flush=True)

    return _run(settings, on_ready=ready)


def _demo(settings: Settings) -> int:
    from trivium.cli._sample import SampleStart

    sample = SampleStart(settings)

    return _run(settings, on_open=sample.prepare, on_ready=sample.introduce)


def _run(
    settings: Settings,
    *,
    on_open: "Callable[[Platform, int], Awaitable[None]] | None" = None,
    on_ready: "Callable[[Platform, int], None]",
) -> int:
    # Some 1,500 modules that stay: collecting garbage between them, or later in them, finds nothing.
    gc.disable()
    from trivium import server
    from trivium.cli._logs import set_up_logs

    set_up_logs(settings.log_level, settings.log_format, with_content=settings.log_content)
    gc.freeze()
    gc.enable()
    try:
        return server.serve(settings, on_open=on_open, on_ready=on_ready)
    except server.DataFolderBusyError as error:
        raise StopError(str(error), code="data_folder_busy") from error
    except OSError as error:
        raise _no_start(settings, error) from error
    except ValueError as error:
        raise StopError(str(error), status=CONFIGURATION, code="settings") from error


def _no_start(settings: Settings, error: OSError) -> StopError:
    if error.errno == errno.EADDRINUSE:
        return StopError(
            f"Port {settings.port} on {settings.host} is taken.",
            hint="Stop what listens there, or choose another with --port (0 takes a free one).",
            status=FAILED,
            code="port_taken",
        )
    message = f"The server cannot start: {error}."
    return StopError(message, hint="Try: trivium doctor", status=CONFIGURATION, code="start")


if __name__ == "__main__":
    main()
