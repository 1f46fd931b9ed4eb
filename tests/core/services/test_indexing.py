"""Pages are fetched behind the guard, and a new embedder takes over without a gap."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.knowledge import ORG, Library, embedder, open_library
from trivium.adapters.index import MatrixIndex
from trivium.core.errors import InvalidRequest, UpstreamFailed
from trivium.core.model.jobs import Job
from trivium.core.ports import OutboundResponse
from trivium.core.services.indexing import Indexing
from trivium.core.services.jobs import JobRun
from trivium.core.services.knowledge import SearchScope
from trivium.core.services.searching import Searching


class Web:
    """Answers from a table; what is not in it is refused as the guard would."""

    def __init__(self, pages: Mapping[str, OutboundResponse]) -> None:
        self.pages = dict(pages)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = 10.0,
        size_max: int = 1_000_000,
    ) -> OutboundResponse:
        if url not in self.pages:
            raise InvalidRequest("This address is not allowed.", code="address_refused")
        return self.pages[url]


def page(text: str, status: int = 200, **headers: str) -> OutboundResponse:
    return OutboundResponse(status=status, headers={"Content-Type": "text/html", **headers}, body=text.encode())


TEA = "<html><body><h1>Tea</h1><p>Tea is served at four in the garden.</p></body></html>"


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    site = {
        "https://tea.example/menu": page(TEA),
        "https://tea.example/old": page("", 301, Location="/menu"),
        "https://tea.example/loop": page("", 302, Location="/loop"),
        "https://tea.example/inside": page("", 302, Location="http://127.0.0.1/secret"),
        "https://tea.example/gone": page("", 404),
        "https://tea.example/sitemap.xml": page(
            "<urlset><url><loc>https://tea.example/menu</loc></url><url><loc> https://tea.example/old </loc></url>"
            "<url><loc>https://other.example/x</loc></url></urlset>"
        ),
        "https://tea.example/index.xml": page(
            "<sitemapindex><sitemap><loc>https://tea.example/sitemap.xml</loc></sitemap></sitemapindex>"
        ),
    }
    async with open_library(tmp_path, Web(site)) as library:
        yield library


@pytest.mark.parametrize("path", ["menu", "old"])
async def test_a_page_is_fetched_and_found(library: Library, path: str) -> None:
    added = await library.knowledge.add_url(ORG, f"https://tea.example/{path}")
    assert (added.status, added.kind, added.name) == ("processing", "url", f"tea.example {path}")
    await library.work()
    found = await library.knowledge.search(ORG, "When is tea served?")
    assert [one.passage.text for one in found] == ["Tea is served at four in the garden."]


@pytest.mark.parametrize(
    ("path", "words"), [("loop", "redirects"), ("inside", "not allowed"), ("gone", "404"), ("unknown", "not allowed")]
)
async def test_a_page_that_cannot_be_had_says_why(library: Library, path: str, words: str) -> None:
    added = await library.knowledge.add_url(ORG, f"https://tea.example/{path}")
    await library.work()
    failed = await library.knowledge.get(ORG, added.id)
    assert failed.status == "failed"
    assert words in (failed.error or "")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://tea.example/", "tea", "", "https://me:secret@tea.example/"]
)
async def test_what_is_no_web_address_is_refused_at_once(library: Library, url: str) -> None:
    with pytest.raises(InvalidRequest):
        await library.knowledge.add_url(ORG, url)
    assert await library.knowledge.find(ORG) == []


@pytest.mark.parametrize("name", ["sitemap.xml", "index.xml"])
async def test_a_sitemap_brings_the_pages_of_its_own_site(library: Library, name: str) -> None:
    documents = await library.knowledge.add_sitemap(ORG, f"https://tea.example/{name}")
    assert [one.source_url for one in documents] == ["https://tea.example/menu", "https://tea.example/old"]


async def test_a_sitemap_without_pages_is_refused(library: Library) -> None:
    with pytest.raises(InvalidRequest):
        await library.knowledge.add_sitemap(ORG, "https://tea.example/menu")
    with pytest.raises(UpstreamFailed):
        await library.knowledge.add_sitemap(ORG, "https://tea.example/gone")


async def test_a_new_embedder_takes_over_without_a_gap(library: Library) -> None:
    await library.add("tea.txt", "Tea is served at four. " * 80)

    class Newer:
        id, dimensions = "newer", 512
        embed = staticmethod(embedder().embed)

    index = MatrixIndex(library.store, Newer())
    searching = Searching(store=library.store, indexes=[index, library.index])
    indexing = Indexing(
        store=library.store,
        blobs=library.blobs,
        extractor=library.knowledge._extractor,
        index=index,
        jobs=library.jobs,
        clock=library.clock,
    )
    before = await searching.search(ORG, "When is tea served?", scope=SearchScope())
    run = JobRun(job=job(), report=_ignore)
    await indexing.recode(run)
    await indexing.recode(run)
    after = await searching.search(ORG, "When is tea served?", scope=SearchScope())
    assert before == after != []
    assert {one.embedder for one in await library.knowledge.find(ORG)} == {"newer/1"}
    only = Searching(store=library.store, indexes=[library.index])
    assert await only.search(ORG, "When is tea served?", scope=SearchScope()) == []
    await index.close()


async def test_unchanged_passages_keep_their_codes(library: Library) -> None:
    rows = [f"Shelf {n},{n}" for n in range(40)]
    await library.add("list.csv", "\n".join(["name,count", *rows]))
    encoded: list[int] = []
    encode = library.index.encode

    async def counting(passages):
        encoded.append(len(passages))
        return await encode(passages)

    library.index.encode = counting  # type: ignore[method-assign]
    rows[7] = "Cupboard,7"
    await library.add("list.csv", "\n".join(["name,count", *rows]))
    assert sum(encoded) == 1
    found = await library.knowledge.search(ORG, "cupboard", top_k=1)
    assert found[0].passage.metadata["name"] == "Cupboard"


def job() -> Job:
    at = HandClock().now()
    return Job(id="job_1", organization_id="system", name="knowledge.recode", created_at=at, due_at=at)


async def _ignore(percent: int) -> None:
    pass
