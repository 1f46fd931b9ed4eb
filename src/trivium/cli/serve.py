"""`trivium serve` and `trivium demo`."""

from typing import Annotated

from cyclopts import Parameter

from trivium.adapters.sql.migrate import bring_up_to_date
from trivium.cli._options import HERE, Place, make_folder
from trivium.cli.start import Start

Host = Annotated[str | None, Parameter(help="Address to listen on.")]
Port = Annotated[int | None, Parameter(help="Port to listen on; 0 takes a free one.")]


def serve(*, host: Host = None, port: Port = None, place: Place = HERE) -> None:
    """Start the server and run until it is told to stop. Every setting is also a TRIVIUM_ variable or a line of TOML.

    Example: trivium serve --port 9000 --data /srv/trivium
    """
    _checked(place, host, port, is_demo=False).replace_process()


def demo(*, host: Host = None, port: Port = None, place: Place = HERE) -> None:
    """Start the server with a sample organization, agent, files and keys, which are made once.

    The keys are in `demo.env` in the data folder.

    Example: trivium demo --port 9000
    """
    _checked(place, host, port, is_demo=True).replace_process()


def _checked(place: Place, host: str | None, port: int | None, *, is_demo: bool) -> Start:
    settings = place.settings(host=host, port=port)
    # What only a first start needs is loaded here, where it does not stay.
    bring_up_to_date(make_folder(settings))
    options = {"host": host, "port": port, "data": None if place.data is None else str(place.data)}
    return Start(config=None if place.config is None else str(place.config), options=options, is_demo=is_demo)
