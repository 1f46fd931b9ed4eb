"""`trivium status` and `trivium logs`."""

import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import show_json

if TYPE_CHECKING:
    from trivium_client.models.wisebot import Activity

POLL_S = 2.0
LINES = 20


@remote
def status(*, remote: Remote = HERE) -> None:
    """Show the organization in numbers.

    Example: `trivium status -o json`
    """
    with remote.wisebot() as client:
        found = client.v1.status()
    if remote.form == "json":
        remote.answer(found)
        return
    organization = found.organization
    remote.show(
        {
            "server": remote.server,
            "version": found.version,
            "organization": organization.name if organization else None,
            **(found.metrics.model_dump(by_alias=True) if found.metrics else {}),
        }
    )


def version() -> None:
    """Print the version; the same as --version.

    Example: `trivium version`
    """
    from trivium import __version__

    print(__version__)


@remote
def logs(
    *,
    tail: Annotated[bool, Parameter(help="Go on until interrupted.", negative=())] = False,
    follow: Annotated[bool, Parameter(help="With --tail: stop after the first lines.", negative="--no-follow")] = True,
    limit: Annotated[int, Parameter(help="How many lines, at most 50.")] = LINES,
    remote: Remote = HERE,
) -> None:
    """Show what happened lately, one line each.

    Example: `trivium logs --tail`
    """
    with remote.wisebot() as client:
        shown = _print_new(client.v1.activity.list(limit=limit), set(), remote)
        while tail and follow:
            time.sleep(POLL_S)
            shown = _print_new(client.v1.activity.list(limit=limit), shown, remote)


def _print_new(found: "Activity", shown: set[str], remote: Remote) -> set[str]:
    """Print the lines that were not there before, the oldest first, and return those that are there now."""
    if remote.form == "json" and not shown:
        show_json(found.model_dump(mode="json", by_alias=True))
        return set(found.lines)
    for text in reversed(found.lines) if shown else found.lines:
        if text not in shown:
            print(text, flush=True)
    return set(found.lines) or shown
