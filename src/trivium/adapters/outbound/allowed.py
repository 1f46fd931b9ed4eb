"""The operator's list of places that may be reached although they are inside."""

from collections.abc import Iterable
from ipaddress import ip_address

from trivium.core.errors import InvalidRequest

Place = tuple[str, int]


def parse_allowed(entries: str | Iterable[str]) -> frozenset[Place]:
    """Return the places of a list like `mail.lan:8025, 10.0.0.5:80, [::1]:9000`.

    Each is a host and a port: a whole host is never opened. InvalidRequest names the entry that is something else.
    """
    listed = entries.split(",") if isinstance(entries, str) else entries
    return frozenset(_parse_place(entry.strip()) for entry in listed if entry.strip())


def normal_host(host: str) -> str:
    """Return one spelling per host: lower case, no brackets, no closing dot, addresses in their shortest form."""
    host = host.strip("[]").rstrip(".").lower()
    try:
        address = ip_address(host)
    except ValueError:
        try:
            return host.encode("idna").decode() if not host.isascii() else host
        except UnicodeError:
            return host
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _parse_place(entry: str) -> Place:
    host, colon, port = entry.rpartition(":")
    is_bare_v6 = ":" in host and not (host.startswith("[") and host.endswith("]"))
    if not colon or not host or is_bare_v6 or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidRequest(f"{entry!r} is not a host and a port like 10.0.0.5:8080.", code="invalid_setting")
    return normal_host(host), int(port)
