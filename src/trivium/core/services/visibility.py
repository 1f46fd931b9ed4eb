"""Who may read which document: one rule, used by the search itself and by the call that explains it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from trivium.core.model.knowledge import Asker, Collection, Document


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether, and in a sentence why."""

    is_visible: bool
    reason: str


class _HasReaders(Protocol):
    """What carries lists of readers."""

    @property
    def reader_emails(self) -> tuple[str, ...]: ...

    @property
    def reader_domains(self) -> tuple[str, ...]: ...

    @property
    def reader_groups(self) -> tuple[str, ...]: ...


def judge(document: Document, collections: Mapping[str, Collection], asker: Asker) -> Verdict:
    """Return whether the asker may read the document; whatever is not known to be allowed is refused.

    The level comes first, then the document's lists of readers, then the collection's: each can only narrow.
    """
    if asker.is_owner:
        return Verdict(is_visible=True, reason="People of the organization see every document.")
    refusal = _by_level(document, asker) or _by_readers(document, asker, "document")
    if refusal is None and document.collection_id is not None:
        refusal = _by_collection(collections.get(document.collection_id), asker)
    if refusal is not None:
        return Verdict(is_visible=False, reason=refusal)
    return Verdict(
        is_visible=True, reason=f"The document's level is {document.view_access}, and no list speaks against."
    )


def _by_level(document: Document, asker: Asker) -> str | None:
    match document.view_access:
        case "public":
            return None
        case "anyone_with_link":
            if asker.has_link or asker.is_authenticated:
                return None
            return "The document is for those who came through a link or signed in."
        case "authenticated":
            return None if asker.is_authenticated else "The document is for those who signed in."
        case _:
            return "The document is for the people of the organization only."


def _by_collection(collection: Collection | None, asker: Asker) -> str | None:
    if collection is None:
        return "The document's collection does not exist."
    if collection.requires_auth and not asker.is_authenticated:
        return "The collection is for those who signed in."
    return _by_readers(collection, asker, "collection")


def _by_readers(thing: _HasReaders, asker: Asker, noun: str) -> str | None:
    if not (thing.reader_emails or thing.reader_domains or thing.reader_groups):
        return None
    if asker.is_authenticated:
        email = (asker.email or "").strip().casefold()
        name, at, domain = email.rpartition("@")
        if email and email in {one.strip().casefold() for one in thing.reader_emails}:
            return None
        if name and at and domain in {one.strip().lstrip("@").casefold() for one in thing.reader_domains}:
            return None
        if set(asker.groups) & set(thing.reader_groups):
            return None
    return f"The {noun} is for a list of readers, and the asker is not on it."
