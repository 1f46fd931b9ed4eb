"""Documents that are searched and the passages found in them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trivium.core.model.json import JSONObject

DocumentStatus = Literal["processing", "ready", "failed"]
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
    settings: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file, page or video; `agent_id` None: for every agent of the organization. `progress` is 0 to 100."""

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
    metadata: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A piece of a document with the position a reader can look up: page from 1, or seconds in a recording."""

    id: str
    organization_id: str
    document_id: str
    position: int
    text: str
    heading: str = ""
    page: int | None = None
    start_s: float | None = None


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
