"""Documents that are searched and the passages found in them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trivium.core.model.json import JSON, JSONObject

DocumentStatus = Literal["processing", "ready", "failed"]
ChunkMode = Literal["general", "parent_child", "question_answer"]
ViewAccess = Literal["owner_only", "authenticated", "anyone_with_link", "public"]


@dataclass(frozen=True, kw_only=True)
class Collection:
    """An isolated set of documents: what is in one is invisible to a search in another.

    `slug` is the name that configurations use, unique in its agent.
    """

    id: str
    organization_id: str
    agent_id: str | None
    name: str
    created_at: datetime
    slug: str = ""
    requires_auth: bool = False
    reader_emails: tuple[str, ...] = ()
    reader_domains: tuple[str, ...] = ()
    reader_groups: tuple[str, ...] = ()
    settings: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file, page or video; `agent_id` None: for every agent of the organization. `progress` is 0 to 100.

    `revision` names the set of passages that can be found now (None: nothing yet). While a newer upload is being
    indexed the bytes are already the new ones, and the old passages stay findable until the new set is complete.
    """

    id: str
    organization_id: str
    name: str
    mime_type: str
    size_bytes: int
    sha256: str
    blob_key: str
    created_at: datetime
    updated_at: datetime
    status: DocumentStatus = "processing"
    stage: str = "queued"
    progress: int = 0
    error: str | None = None
    folder: str = ""
    agent_id: str | None = None
    collection_id: str | None = None
    kind: Literal["file", "url", "video"] = "file"
    view_access: ViewAccess = "authenticated"
    passage_count: int = 0
    embedder: str | None = None
    revision: str | None = None
    previous_blob_key: str | None = None
    page_count: int | None = None
    chunk_mode: ChunkMode = "general"
    source_url: str | None = None
    # Who may read it, beside the level: where one of the three names somebody, nobody else (see services/visibility).
    reader_emails: tuple[str, ...] = ()
    reader_domains: tuple[str, ...] = ()
    reader_groups: tuple[str, ...] = ()
    metadata: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A piece of a document with the position a reader can look up: page from 1, or seconds in a recording.

    `revision` is the set it belongs to; `metadata` holds what a filter can ask for, such as the columns of a row.
    `context` is the larger stretch that is shown to a model in place of `text`, when chunks are cut that way.
    """

    id: str
    organization_id: str
    document_id: str
    position: int
    text: str
    revision: str = ""
    heading: str = ""
    page: int | None = None
    start_s: float | None = None
    context: str = ""
    metadata: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A citation: which document, where in it, and the words that were used. `score` 0 to about 1.1."""

    document_id: str
    name: str
    quote: str
    score: float
    passage_id: str = ""
    page: int | None = None
    start_s: float | None = None
    heading: str = ""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who wants to read. Nothing is true of them until it was checked: the default sees what is public, no more.

    `has_link`: came through a link, pass or key of the agent. `email` and `groups` count when `is_authenticated`.
    """

    is_owner: bool = False
    is_authenticated: bool = False
    has_link: bool = False
    email: str | None = None
    groups: tuple[str, ...] = ()


OWNER = Asker(is_owner=True, is_authenticated=True, has_link=True)
PROGRAM = Asker(is_authenticated=True, has_link=True)


@dataclass(frozen=True, kw_only=True)
class UnansweredQuestion:
    """Questions of one meaning that the documents did not answer; `question` is how it was first put."""

    id: str
    organization_id: str
    agent_id: str
    question: str
    created_at: datetime
    last_at: datetime
    count: int = 1
    examples: tuple[str, ...] = ()
    resolved_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A filter on what is known of a passage or its document, such as a column of a row.

    `operator`: equals, not_equals, in, not_in, contains, starts_with, gt, gte, lt, lte, exists.
    """

    key: str
    value: JSON
    operator: str = "equals"
