"""Deleting conversations, with everything in them."""

from datetime import datetime

from trivium.core.events import ToolReturned
from trivium.core.model.json import JSON
from trivium.core.ports import BlobStore, Transaction
from trivium.core.services.jobs import JobRun, Jobs

PICTURES_JOB = "pictures.remove"
_RUNS_MAX = 100_000
_EVENTS_MAX = 1_000_000
_PICTURES_MAX = 500
_MADE_MAX = 100_000


class Removal:
    """What every way of deleting a conversation comes to."""

    def __init__(self, *, jobs: Jobs, blobs: BlobStore) -> None:
        self._jobs = jobs
        self._blobs = blobs

    def conversation(self, tx: Transaction, organization_id: str, conversation_id: str) -> None:
        """Delete it with its messages, runs, events and made files; silent when it is not there.

        The bytes of its files and pictures go a little later.
        """
        made = tx.made_files.find(organization_id, conversation_id=conversation_id, limit=_MADE_MAX)
        keys = _pictures(tx, organization_id, conversation_id) + [one.blob_key for one in made]
        for start in range(0, len(keys), _PICTURES_MAX):
            part: list[JSON] = [*keys[start : start + _PICTURES_MAX]]
            tx.jobs.enqueue(self._jobs.make(organization_id, PICTURES_JOB, {"keys": part}))
        tx.events.remove_of(conversation_id)
        tx.made_files.remove_where(organization_id, conversation_id=conversation_id)
        tx.runs.remove_where(organization_id, conversation_id=conversation_id)
        tx.messages.remove_where(organization_id, conversation_id=conversation_id)
        tx.conversations.remove(organization_id, conversation_id)

    async def pictures(self, run: JobRun) -> datetime | None:
        """The job that deletes bytes. Safe to repeat: what is gone is gone."""
        keys = run.job.arguments.get("keys")
        for key in keys if isinstance(keys, list) else ():
            await self._blobs.delete(str(key))
        return None


def _pictures(tx: Transaction, organization_id: str, conversation_id: str) -> list[str]:
    runs = tx.runs.find(organization_id, conversation_id=conversation_id, limit=_RUNS_MAX)
    asked = [image.blob_key for run in runs for image in run.input.images]
    outline = tx.events.outline(conversation_id, _EVENTS_MAX)
    events = [stored.event for _, stored in outline]
    return asked + [image.blob_key for event in events if isinstance(event, ToolReturned) for image in event.images]
