"""What a model is shown: instructions, what is known, the conversation so far, the question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trivium.core.events import RunEvent
from trivium.core.model.agents import Agent
from trivium.core.model.conversations import PastMessage
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.runs import Run
from trivium.core.ports import BlobStore, ChatMessage

# Characters of earlier messages that go along, newest first: turn 500 of a conversation costs what turn 50 does.
HISTORY_MESSAGES_MAX = 40
_HISTORY_CHARS_MAX = 48_000
_KNOWLEDGE_RULE = (
    "When the answer may be in the files, search them first with search_knowledge, answer only from what was found, "
    "and mark each statement with the number of its source like [1]. If nothing fits, say that it is not in the files."
)


@dataclass(frozen=True, kw_only=True)
class Context:
    """What one source adds to a run: text for the model's instructions, and events that show it in the trace.

    `passages` are the same texts by {`name`, `text`, `page`}, for a provider that quotes and reads no instructions.
    """

    text: str = ""
    events: tuple[RunEvent, ...] = ()
    passages: tuple[JSONObject, ...] = ()


class ContextSource(Protocol):
    """Something that knows more about a run's question: memories, skills, context files."""

    async def context(self, run: Run, agent: Agent) -> Context | None:
        """Return what to add, or None; errors end the run, so return None for what is merely missing."""


async def build_messages(
    agent: Agent,
    run: Run,
    history: Sequence[PastMessage],
    *,
    contexts: Sequence[Context],
    blobs: BlobStore,
    has_knowledge: bool,
) -> list[ChatMessage]:
    """Return the messages of the first step. Raises NotFound when an image of the input is gone."""
    parts = [agent.persona, agent.instructions, *(m.text for m in run.input.messages if m.role == "system")]
    parts += [context.text for context in contexts]
    if has_knowledge:
        parts.append(_KNOWLEDGE_RULE)
    system = "\n\n".join(part.strip() for part in parts if part.strip())
    passages: list[JSON] = [passage for context in contexts for passage in context.passages]
    data: JSON = {"passages": passages} if passages else None
    messages = [ChatMessage(role="system", text=system, data=data)] if system else []
    messages += _recent(history)
    images = tuple([(image.mime_type, await blobs.get(image.blob_key)) for image in run.input.images])
    *earlier, last = _spoken(run)
    messages += earlier
    messages.append(ChatMessage(role=last.role, text=last.text, images=images))
    return messages


def _spoken(run: Run) -> list[ChatMessage]:
    spoken = [m for m in new_messages(run) if m[0] != "system"]
    return [ChatMessage(role="user" if role == "user" else "assistant", text=text) for role, text in spoken]


def new_messages(run: Run) -> list[tuple[str, str]]:
    """Return (role, text) of what this run adds to its conversation, always ending with the question.

    A conversation that already has messages knows the earlier ones: then only what follows the last answer is new.
    """
    spoken: list[tuple[str, str]] = [(m.role, m.text) for m in run.input.messages if m.role != "system"]
    if run.metadata.get("continues"):
        answers = [index for index, (role, _) in enumerate(spoken) if role == "assistant"]
        spoken = spoken[answers[-1] + 1 if answers else 0 :]
    return spoken or [("user", run.input.question)]


def _recent(history: Sequence[PastMessage]) -> list[ChatMessage]:
    budget = _HISTORY_CHARS_MAX
    kept: list[ChatMessage] = []
    for message in reversed(history):
        budget -= len(message.text)
        if budget < 0 and kept:
            break
        kept.append(ChatMessage(role="user" if message.role == "user" else "assistant", text=message.text))
    kept.reverse()
    return kept
