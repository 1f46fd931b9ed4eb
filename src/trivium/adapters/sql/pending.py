"""Units of work that wait for the one thread that writes, and how their callers learn what came of them."""

import asyncio
import contextlib
import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from trivium.core.ports.store import Transaction

Waiting = queue.SimpleQueue["Pending | None"]


@dataclass(slots=True)
class Pending:
    """A unit and its caller's future; `is_done` once its transaction has ended, well or not."""

    unit: Callable[[Transaction], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    value: Any = None
    error: BaseException | None = None
    is_done: bool = False


def take(waiting: Waiting, batch: list[Pending], size_max: int) -> bool:
    """Add what waits to the batch, at least one unit; False when None was found: the store is being closed."""
    pending = waiting.get()
    with contextlib.suppress(queue.Empty):
        while pending is not None:
            batch.append(pending)
            if len(batch) >= size_max:
                return True
            pending = waiting.get_nowait()
        return False
    return True


def fail_all(batch: Sequence[Pending], error: BaseException) -> None:
    """Give every unit that has not ended this error."""
    for pending in batch:
        if not pending.is_done:
            pending.error, pending.is_done = error, True


def resolve_all(batch: Sequence[Pending]) -> None:
    """Let the callers go on, each on its own event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Pending]] = {}
    for pending in batch:
        by_loop.setdefault(pending.loop, []).append(pending)
    for loop, pendings in by_loop.items():
        # The loop may have been closed by a caller that did not wait.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, pendings)


def _resolve(batch: list[Pending]) -> None:
    for pending in batch:
        if pending.future.done():
            continue
        if pending.error is not None:
            pending.future.set_exception(pending.error)
        else:
            pending.future.set_result(pending.value)
