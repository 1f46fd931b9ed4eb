"""The worker's side of `encoder`: passages in, codes out, until the input ends."""

import importlib
import os
import struct
import sys

import msgspec

from trivium.adapters.index.codes import encode
from trivium.core.model.knowledge import Passage

_NICENESS = 10
_SIZE = struct.Struct(">I")


def main() -> None:
    """Serve until the input ends."""
    module, _, name = sys.argv[1].partition(":")
    embedder = getattr(importlib.import_module(module), name)()
    os.nice(_NICENESS)
    decode = msgspec.msgpack.Decoder(list[Passage]).decode
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while size := source.read(_SIZE.size):
        passages = decode(source.read(_SIZE.unpack(size)[0]))
        answer = msgspec.msgpack.encode(encode(passages, embedder.embed))
        sink.write(_SIZE.pack(len(answer)) + answer)
        sink.flush()


if __name__ == "__main__":
    main()
