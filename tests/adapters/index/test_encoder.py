"""Codes made in a process of their own are those made here, and a worker that dies is replaced."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.knowledge import ORG, embedder
from trivium.adapters.index.codes import encode
from trivium.adapters.index.encoder import ProcessEncoder
from trivium.core.errors import UpstreamFailed
from trivium.core.model.knowledge import Passage

TEA = Passage(id="psg_1", organization_id=ORG, document_id="doc_1", position=0, text="Tea is at four. Bring a cup.")
PASSAGES = [TEA, replace(TEA, id="psg_2", text="name: Cup; price: 4", metadata={"name": "Cup"})]


@pytest.fixture
async def encoder() -> AsyncIterator[ProcessEncoder]:
    encoder = ProcessEncoder("trivium.adapters.embed.universal:UniversalEmbedder")
    yield encoder
    await encoder.close()


async def test_the_codes_are_the_same(encoder: ProcessEncoder) -> None:
    assert list(await encoder.encode(PASSAGES)) == encode(PASSAGES, embedder().embed)


async def test_a_worker_that_dies_is_replaced(encoder: ProcessEncoder) -> None:
    await encoder.encode(PASSAGES)
    assert encoder._worker is not None
    encoder._worker.kill()
    await encoder._worker.wait()
    assert len(await encoder.encode(PASSAGES)) == len(PASSAGES)


async def test_a_worker_that_cannot_start_is_a_failure_to_try_again() -> None:
    broken = ProcessEncoder("trivium.adapters.embed.universal:Missing")
    with pytest.raises(UpstreamFailed) as failed:
        await broken.encode(PASSAGES)
    assert failed.value.is_retryable
    await broken.close()
