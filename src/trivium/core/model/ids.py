"""New identifiers: opaque, `[A-Za-z0-9_-]` only, ordered by time of creation."""

import secrets
import time
import uuid


def new_id(prefix: str) -> str:
    """Return `prefix_` + 11 hex digits of milliseconds + 20 random hex digits (80 bits: not to be guessed)."""
    return f"{prefix}_{time.time_ns() // 1_000_000:011x}{secrets.token_hex(10)}"


def new_uuid() -> str:
    """Return a UUID of version 7 (RFC 9562: 48 bits of milliseconds, 74 random), for contracts that promise one."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))
