"""Wake-ups after commits, handed from the store's threads to the event loops that asked for them."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trivium.core.ports.store import Topic


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    loop: asyncio.AbstractEventLoop
    call: Callable[[str], None]


class Signals:
    """Who wants to know of which topic. Publishing costs nothing while nobody listens."""

    def __init__(self) -> None:
        self._listeners: dict[Topic, tuple[_Listener, ...]] = {}
        self._lock = threading.Lock()

    def subscribe(self, topic: Topic, call: Callable[[str], None]) -> Callable[[], None]:
        """Call back on the running loop until the returned function is called; see `core.ports.Store`."""
        listener = _Listener(asyncio.get_running_loop(), call)
        with self._lock:
            self._listeners[topic] = (*self._listeners.get(topic, ()), listener)

        def stop() -> None:
            with self._lock:
                self._listeners[topic] = tuple(one for one in self._listeners[topic] if one is not listener)

        return stop

    def publish(self, signals: Iterable[tuple[Topic, str]]) -> None:
        """Tell the listeners; may be called from any thread."""
        for topic, key in signals:
            for listener in self._listeners.get(topic, ()):
                # A listener's loop may have been closed by now.
                with contextlib.suppress(RuntimeError):
                    listener.loop.call_soon_threadsafe(listener.call, key)
