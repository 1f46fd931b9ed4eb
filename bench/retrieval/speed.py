"""How fast passages are found: 10,000 and 100,000 of them, on one core, beside the bare multiplication in numpy.

The passages are sentences of the set in random order, their vectors random around those of the real sentences (the
encoder makes some hundred a second, which is measured apart); the questions and their vectors are real.
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.report import Bar, print_table
from bench.retrieval.set import read_documents, read_questions

_SIZES = {10_000: 3.0, 100_000: 25.0}
_PASSAGES_PER_DOCUMENT = 100
_ROUNDS = 150


def compare() -> list[Bar]:
    """Print the table and return the bars; each size is measured in a process of its own."""
    rows, bars = [], []
    for size, bar in _SIZES.items():
        found = json.loads(
            subprocess.run(
                [sys.executable, "-m", "bench.retrieval.speed", str(size)], stdout=subprocess.PIPE, check=True
            ).stdout
        )
        names = (
            "store_s",
            "load_s",
            "p50_ms",
            "p95_ms",
            "embed_ms",
            "numpy_ms",
            "index_mb",
            "memory_mb",
            "encoded_per_s",
        )
        rows.append([f"{size:,} passages", *(found[name] for name in names)])
        bars.append(Bar(name=f"hybrid query at {size:,}, p50 ms", value=found["p50_ms"], at_most=bar))
        bars.append(Bar(name=f"hybrid query at {size:,}, p95 ms", value=found["p95_ms"]))
        searched = found["p50_ms"] - found["embed_ms"]
        bars.append(Bar(name=f"of it beside encoding the question, at {size:,}, ms", value=searched))
    columns = [
        "what",
        "store s",
        "load s",
        "p50 ms",
        "p95 ms",
        "of it encoding",
        "numpy ms",
        "index MB",
        "MB more",
        "passages/s",
    ]
    print_table("Search", columns, rows)
    return bars


async def _measure(size: int) -> dict[str, float]:
    import numpy as np

    from tests.knowledge import ORG, embedder, open_library
    from trivium.adapters.index.codes import encode, sentences_of

    chance = random.Random(size)
    sentences = [one for data in read_documents().values() for one in sentences_of(data.decode()) if len(one) > 30]
    pool = np.asarray(embedder().embed(sentences), dtype=np.float32)
    generator = np.random.default_rng(size)

    def invented(texts: Sequence[str]) -> Any:
        around = pool[generator.integers(0, len(pool), len(texts))]
        vectors = around + generator.normal(0, 0.03, around.shape).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    with tempfile.TemporaryDirectory() as folder:
        async with open_library(Path(folder)) as library:
            before = time.perf_counter()
            for number in range(size // _PASSAGES_PER_DOCUMENT):
                passages = [_passage(chance, sentences, number, n) for n in range(_PASSAGES_PER_DOCUMENT)]
                codes = encode(passages, invented)
                await library.store.write(lambda tx, p=passages, c=codes, n=number: _keep(tx, n, p, c))  # type: ignore[misc]
            result = {"store_s": time.perf_counter() - before}
            memory = _memory_mb()
            before = time.perf_counter()
            await library.knowledge.search(ORG, "warm")
            result |= {"load_s": time.perf_counter() - before, "memory_mb": _memory_mb() - memory}
            result["index_mb"] = library.index.size_bytes / 1e6
            questions = [question.text for question in read_questions()]
            times = []
            for round_ in range(_ROUNDS):
                before = time.perf_counter()
                await library.knowledge.search(ORG, questions[round_ % len(questions)], top_k=8)
                times.append((time.perf_counter() - before) * 1000)
            result |= {"p50_ms": statistics.median(times), "p95_ms": sorted(times)[int(_ROUNDS * 0.95)]}
            result["embed_ms"] = _timed(lambda n: embedder().embed([questions[n]])) * 1000
            matrix = np.ascontiguousarray(invented([""] * size))
            result["numpy_ms"] = _timed(lambda n: np.argpartition(-(matrix @ pool[n]), 10)) * 1000
            texts = [_passage(chance, sentences, 0, n) for n in range(128)]
            result["encoded_per_s"] = 128 / _timed(lambda n: encode(texts, embedder().embed), rounds=1)
    return result


def _passage(chance: random.Random, sentences: Sequence[str], document: int, position: int) -> Any:
    from tests.knowledge import ORG
    from trivium.core.model.knowledge import Passage

    return Passage(
        id=f"psg_{document}_{position}",
        organization_id=ORG,
        document_id=f"doc_{document}",
        revision="r",
        position=position,
        text=" ".join(chance.sample(sentences, 7)) + f" Item {chance.randrange(10**6)}.",
    )


def _keep(tx: Any, number: int, passages: Sequence[Any], codes: Sequence[Any]) -> None:
    from tests.clock import HandClock
    from tests.knowledge import ORG
    from trivium.core.model.knowledge import Document

    at = HandClock().now()
    tx.documents.add(
        Document(
            id=f"doc_{number}",
            organization_id=ORG,
            name=f"{number}.txt",
            mime_type="text/plain",
            size_bytes=1,
            sha256="",
            blob_key="b",
            created_at=at,
            updated_at=at,
            status="ready",
            revision="r",
            embedder="use-multilingual-3/1",
        )
    )
    tx.passages.add(*passages)
    tx.passages.add_codes(ORG, "use-multilingual-3/1", codes)


def _timed(work: Any, rounds: int = 30) -> float:
    times = []
    for number in range(rounds):
        before = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    # One core for everything: the figures are what a search costs, not what several threads can hide.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(json.dumps(asyncio.run(_measure(int(sys.argv[1])))))
