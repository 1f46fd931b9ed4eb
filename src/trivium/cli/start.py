"""The server process itself: what `trivium serve` and `trivium demo` turn into once their options are checked.

A process of its own image, because the library for command lines would stay in the server's memory for ever (10 MB).
"""

import errno
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from trivium.cli._output import CONFIGURATION, FAILED, StopError, show_error
from trivium.settings import Settings, load

if TYPE_CHECKING:
    from trivium.core.platform import Platform


@dataclass(frozen=True, kw_only=True)
class Start:
    """What to start; the settings themselves are read again by the new process."""

    config: str | None
    options: dict[str, str | int | None]
    is_demo: bool = False

    def replace_process(self) -> NoReturn:
        """Become the server: same process id, same environment, a fresh interpreter."""
        sys.stdout.flush()
        # Every thread that allocates gets an arena of its own otherwise, which holds on to memory it no longer needs.
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")
        words = [sys.executable, "-P", "-m", "trivium.cli.start", json.dumps(asdict(self))]
        os.execv(sys.executable, words)  # noqa: S606 - our own interpreter, no shell


def main() -> None:
    """Run what the one argument describes; always ends with SystemExit."""
    start = Start(**json.loads(sys.argv[1]))
    try:
        settings = load(config=Path(start.config) if start.config else None, options=start.options).settings
        sys.exit(_demo(settings) if start.is_demo else _serve(settings))
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
    from trivium import server
    from trivium.cli._logs import set_up_logs

    set_up_logs(settings.log_level, settings.log_format)
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
