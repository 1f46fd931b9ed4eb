"""The worker's side: reads files from its input, one after the other, under limits the kernel enforces."""

import contextlib
import resource
import struct
import sys
from typing import Any, BinaryIO

import msgspec

from trivium.adapters.extract.formats import extract
from trivium.adapters.extract.outcome import Problem


def main() -> None:
    """Serve until the input ends."""
    limits = msgspec.json.decode(sys.argv[1])
    _bound(limits)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while (header := _read_header(source)) is not None:
        data = source.read(header["size_bytes"])
        resource.setrlimit(resource.RLIMIT_CPU, (_cpu_used() + limits["cpu_s"], resource.RLIM_INFINITY))
        is_ok, answer = _answer(data, header, limits)
        sink.write(struct.pack(">IB", len(answer), is_ok) + answer)
        sink.flush()


def _answer(data: bytes, header: dict[str, Any], limits: dict[str, Any]) -> tuple[bool, bytes]:
    try:
        found = extract(
            data,
            name=header["name"],
            mime_type=header["mime_type"],
            pages_max=limits["pages_max"],
            transcriber=limits["transcriber"],
        )
        return True, msgspec.json.encode(found)
    except Problem as problem:
        return False, msgspec.json.encode({"code": problem.code, "message": str(problem)})
    except (MemoryError, RecursionError):
        message = "Reading this file needs more memory than is allowed."
        return False, msgspec.json.encode({"code": "too_large", "message": message})
    except Exception as error:  # noqa: BLE001 - whatever a parser of foreign bytes throws means the same to its owner
        message = f"This file is damaged and cannot be read ({type(error).__name__})."
        return False, msgspec.json.encode({"code": "unreadable", "message": message})


def _bound(limits: dict[str, Any]) -> None:
    for name, value in (
        (resource.RLIMIT_AS, limits["memory_max_bytes"]),
        (resource.RLIMIT_FSIZE, 64 << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(name, (value, value))


def _cpu_used() -> int:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int(used.ru_utime + used.ru_stime) + 1


def _read_header(source: BinaryIO) -> dict[str, Any] | None:
    size = source.read(4)
    if len(size) < 4:
        return None
    header: dict[str, Any] = msgspec.json.decode(source.read(struct.unpack(">I", size)[0]))
    return header


if __name__ == "__main__":
    main()
