"""The way out: one guarded HTTP client for every address that a user may have named."""

from trivium.adapters.outbound.addresses import is_inside
from trivium.adapters.outbound.allowed import parse_allowed
from trivium.adapters.outbound.client import GuardedOutbound

__all__ = ["GuardedOutbound", "is_inside", "parse_allowed"]
