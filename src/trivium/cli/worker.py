"""`trivium worker`: a further process that does background work, beside the server or in its place."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from trivium.cli._options import HERE, Place

if TYPE_CHECKING:
    from trivium.settings import Settings

_OWNER = "worker-"


def worker(
    *,
    grace_s: Annotated[float | None, Parameter(help="How long running jobs may take to end.")] = None,
    place: Place = HERE,
) -> None:
    """Do queued work until told to stop: deliveries, indexing, cleaning up. Runs of agents stay with the server.

    Example: trivium worker --data /srv/trivium
    """
    from trivium.cli._logs import set_up_logs
    from trivium.cli.start import migrate_folder

    settings = place.settings()
    migrate_folder(settings)
    set_up_logs(settings.log_level, settings.log_format, with_content=settings.log_content)
    asyncio.run(_work(settings, settings.shutdown_grace_s if grace_s is None else grace_s))


async def _work(settings: "Settings", grace_s: float) -> None:
    from trivium.server import build

    is_over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, is_over.set)
    parts = await asyncio.to_thread(build, settings, owner=_OWNER)
    try:
        await parts.platform.open(drives_runs=False)
        print("Trivium works on what is queued.", flush=True)
        await is_over.wait()
    finally:
        await parts.close(grace_s=grace_s)
