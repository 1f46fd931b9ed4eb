"""`trivium serve` and `trivium demo`."""

from typing import Annotated

from cyclopts import Parameter

from trivium.cli._options import HERE, Place
from trivium.cli.start import Start

Host = Annotated[str | None, Parameter(help="Address to listen on.")]
Port = Annotated[int | None, Parameter(help="Port to listen on; 0 takes a free one.")]


def serve(*, host: Host = None, port: Port = None, place: Place = HERE) -> None:
    """Start the server and run until it is told to stop. Every setting is also a TRIVIUM_ variable or a line of TOML.

    Example: trivium serve --port 9000 --data /srv/trivium
    """
    _start(place, host, port, is_demo=False).run(is_fresh=False, warns=False)


def demo(*, host: Host = None, port: Port = None, place: Place = HERE) -> None:
    """Start the server with a sample organization, agent, files and keys, which are made once.

    The keys are in `demo.env` in the data folder.

    Example: trivium demo --port 9000
    """
    _start(place, host, port, is_demo=True).run(is_fresh=False, warns=False)


def _start(place: Place, host: str | None, port: int | None, *, is_demo: bool) -> Start:
    place.settings(host=host, port=port)
    given = {"host": host, "port": port, "data": place.data, "config": place.config}
    return Start(is_demo=is_demo, options={name: str(value) for name, value in given.items() if value is not None})
