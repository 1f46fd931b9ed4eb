"""New identifiers: opaque, `[A-Za-z0-9_-]` only, in the order in which this process made them."""

import secrets
import threading
import time
import uuid

_COUNT_MAX = 0xFFF
_lock = threading.Lock()
_last = (0, 0)


def new_id(prefix: str) -> str:
    """Return `prefix_`, 11 hex digits of milliseconds + 3 of a counter + 17 random ones (68 bits)."""
    ms, count = _tick()
    return f"{prefix}_{ms:011x}{count:03x}{secrets.randbits(68):017x}"


def new_uuid() -> str:
    """Return a UUID of version 7 (RFC 9562: 48 bits of milliseconds, 12 of a counter, 62 random), where promised."""
    ms, count = _tick()
    return str(uuid.UUID(int=ms << 80 | 0x7 << 76 | count << 64 | 0x2 << 62 | secrets.randbits(62)))


def _tick() -> tuple[int, int]:
    """Return milliseconds and a counter that together only grow, also when the clock is set back."""
    global _last  # noqa: PLW0603 - the one place where the process remembers what it gave out
    now = time.time_ns() // 1_000_000
    with _lock:
        ms, count = _last
        if now > ms:
            _last = (now, 0)
        elif count < _COUNT_MAX:
            _last = (ms, count + 1)
        else:
            _last = (ms + 1, 0)
        return _last
