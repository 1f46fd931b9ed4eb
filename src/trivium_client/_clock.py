"""Waiting, in both colours; anyio comes with httpx2 and serves asyncio and trio."""

import time


async def pause_async(seconds: float) -> None:
    """Wait without holding the event loop."""
    import anyio

    await anyio.sleep(seconds)


def pause_sync(seconds: float) -> None:
    """Wait and hold the thread."""
    time.sleep(seconds)
