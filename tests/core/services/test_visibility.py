"""No passage reaches somebody who may not see it, whatever the levels, lists and collections say."""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.knowledge import ORG, OTHER, Library, open_library
from trivium.core.model.knowledge import OWNER, PROGRAM, Asker, Collection, Document, Passage
from trivium.core.services.knowledge import SearchScope
from trivium.core.services.visibility import judge

AT = datetime(2026, 1, 5, tzinfo=UTC)
LEVELS = ("owner_only", "authenticated", "anyone_with_link", "public")
EMAILS = ("ann@acme.example", "bob@other.example", "Ann@ACME.example")
DOMAINS = ("acme.example", "other.example", "@ACME.example")
GROUPS = ("staff", "board")
POLICIES = 10_000


def pick(chance: random.Random, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for value in values if chance.random() < 0.25)


def any_collection(chance: random.Random, number: int) -> Collection:
    return Collection(
        id=f"col_{number}",
        organization_id=ORG,
        agent_id=None,
        name=str(number),
        created_at=AT,
        requires_auth=chance.random() < 0.5,
        reader_emails=pick(chance, EMAILS),
        reader_domains=pick(chance, DOMAINS),
        reader_groups=pick(chance, GROUPS),
    )


def any_document(chance: random.Random, number: int, collections: Sequence[str | None]) -> Document:
    return Document(
        id=f"doc_{number}",
        organization_id=ORG,
        name=f"{number}.txt",
        mime_type="text/plain",
        size_bytes=1,
        sha256="",
        blob_key="b",
        created_at=AT,
        updated_at=AT,
        status=chance.choice(("ready", "processing", "failed")),
        revision=chance.choice(("r1", "r1", "r1", None)),
        embedder="use-multilingual-3/1",
        view_access=chance.choice(LEVELS),  # type: ignore[arg-type]
        collection_id=chance.choice(collections),
        agent_id=chance.choice((None, "agt_1", "agt_2")),
        reader_emails=pick(chance, EMAILS),
        reader_domains=pick(chance, DOMAINS),
        reader_groups=pick(chance, GROUPS),
    )


def any_asker(chance: random.Random) -> Asker:
    return Asker(
        is_owner=chance.random() < 0.1,
        is_authenticated=chance.random() < 0.6,
        has_link=chance.random() < 0.5,
        email=chance.choice((None, "", "@acme.example", *EMAILS, "ann@acme.example.evil.example", "eve@x.example")),
        groups=pick(chance, GROUPS),
    )


def may_read(document: Document, collection: Collection | None, asker: Asker) -> bool:
    """The rule once more, written as a single sentence of logic, against which the service is held."""

    def on_list(emails: Sequence[str], domains: Sequence[str], groups: Sequence[str]) -> bool:
        if not (emails or domains or groups):
            return True
        address = (asker.email or "").lower()
        return asker.is_authenticated and (
            (address != "" and address in [one.lower() for one in emails])
            or any(
                address.count("@") == 1 and address.find("@") > 0 and address.split("@")[1] == d.lower().lstrip("@")
                for d in domains
            )
            or any(group in groups for group in asker.groups)
        )

    needed = {
        "public": True,
        "anyone_with_link": asker.has_link or asker.is_authenticated,
        "authenticated": asker.is_authenticated,
        "owner_only": False,
    }
    return asker.is_owner or (
        needed[document.view_access]
        and on_list(document.reader_emails, document.reader_domains, document.reader_groups)
        and (
            document.collection_id is None
            or (
                collection is not None
                and (asker.is_authenticated or not collection.requires_auth)
                and on_list(collection.reader_emails, collection.reader_domains, collection.reader_groups)
            )
        )
    )


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(tmp_path) as library:
        yield library


async def test_ten_thousand_random_policies_leak_nothing(library: Library) -> None:
    """Every round is a new set of documents, collections and lists behind one search; each document counts as one."""
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    rounds, size = POLICIES // 100, 100
    passages = [
        Passage(id=f"psg_{n}", organization_id=ORG, document_id=f"doc_{n}", position=0, text="Tea.", revision="r1")
        for n in range(size)
    ]
    codes = await library.index.encode(passages[:1])
    for number in range(rounds):
        collections = [any_collection(chance, n) for n in range(4)]
        places = [None, *(one.id for one in collections), "col_gone"]
        documents = [any_document(chance, n, places) for n in range(size)]

        def write(tx, collections=collections, documents=documents, is_first=number == 0) -> None:
            for records, kept in ((collections, tx.collections), (documents, tx.documents)):
                for record in records:
                    kept.remove(ORG, record.id)
                kept.add(*records)
            if is_first:
                tx.passages.add(*passages)
                for passage in passages:
                    code = codes[0].__class__(
                        passage_id=passage.id, document_id=passage.document_id, revision="r1", code=codes[0].code
                    )
                    tx.passages.add_codes(ORG, library.index.id, [code])

        await library.store.write(write)
        by_id = {one.id: one for one in collections}
        asker = any_asker(chance)
        scope = SearchScope(
            agent_id=chance.choice((None, "agt_1", "agt_2")),
            collection_ids=tuple(one for one in places if one is not None and chance.random() < 0.4),
            asker=asker,
        )
        wanted = scope.collection_ids or (None,)
        expected = {
            one.id
            for one in documents
            if one.revision is not None
            and one.agent_id in (None, scope.agent_id)
            and one.collection_id in wanted
            and may_read(one, by_id.get(one.collection_id or ""), asker)
        }
        found = await library.knowledge.search(ORG, "tea", scope=scope, top_k=100)
        assert {one.passage.document_id for one in found} == expected, f"seed {seed}, round {number}"
        assert await library.knowledge.search(OTHER, "tea", scope=scope, top_k=100) == []


@given(st.randoms(use_true_random=False))
def test_a_verdict_is_the_rule_and_says_why(chance: random.Random) -> None:
    collections = {one.id: one for one in (any_collection(chance, n) for n in range(2))}
    document = any_document(chance, 0, [None, *collections, "col_gone"])
    asker = any_asker(chance)
    verdict = judge(document, collections, asker)
    assert verdict.is_visible == may_read(document, collections.get(document.collection_id or ""), asker)
    assert verdict.reason.endswith(".")


async def test_a_change_of_access_holds_for_the_next_search(library: Library) -> None:
    document = await library.add("tea.txt", "Tea is served at four.", view_access="public")
    nobody = SearchScope(asker=Asker())
    assert len(await library.knowledge.search(ORG, "tea", scope=nobody)) == 1
    await library.knowledge.change(ORG, document.id, view_access="owner_only")
    assert await library.knowledge.search(ORG, "tea", scope=nobody) == []
    assert len(await library.knowledge.search(ORG, "tea", scope=SearchScope(asker=OWNER))) == 1


async def test_the_hit_test_and_the_explanation_say_why_not(library: Library) -> None:
    document = await library.add("pay.txt", "Salaries are paid on the 25th.", reader_domains=("acme.example",))
    asker = Asker(is_authenticated=True, email="eve@other.example")
    tested = await library.knowledge.hit_test(ORG, "When are salaries paid?", scope=SearchScope(asker=asker))
    assert tested.passages == ()
    assert [(one.id, "list of readers" in reason) for one, reason in tested.refused] == [(document.id, True)]
    verdict = await library.knowledge.explain(ORG, document.id, SearchScope(asker=asker))
    assert (verdict.is_visible, "list of readers" in verdict.reason) == (False, True)
    assert not (await library.knowledge.explain(ORG, document.id, SearchScope(asker=PROGRAM))).is_visible
    elsewhere = SearchScope(asker=OWNER, collection_ids=("col_1",))
    assert "not where" in (await library.knowledge.explain(ORG, document.id, elsewhere)).reason


async def test_a_search_in_progress_sees_one_state(library: Library) -> None:
    """Searches beside changes answer from before or after a change, never from between."""
    document = await library.add("tea.txt", "Tea is served at four.", view_access="public")
    counts: set[int] = set()

    async def search() -> None:
        for _ in range(20):
            counts.add(len(await library.knowledge.search(ORG, "tea", scope=SearchScope(asker=Asker()))))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(search)
        for level in ("owner_only", "public") * 10:
            await library.knowledge.change(ORG, document.id, view_access=level)
    assert counts <= {0, 1}
