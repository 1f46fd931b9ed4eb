"""Where a run stands, read from its own events: the state a crash cannot take away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trivium.core.events import (
    ApprovalDecided,
    ApprovalRequested,
    ModelCalled,
    PlannedCall,
    RunEvent,
    RunStarted,
    StepFinished,
    SubAgentFinished,
    SubAgentStarted,
    TextDelta,
    ToolCalled,
    ToolReturned,
)
from trivium.core.model.conversations import Image
from trivium.core.model.knowledge import Source
from trivium.core.model.runs import Usage
from trivium.core.ports import ChatMessage, ChatToolCall


@dataclass
class Step:
    """One turn of the model and what its calls returned."""

    number: int
    pieces: list[str] = field(default_factory=list)
    calls: tuple[PlannedCall, ...] = ()
    returned: dict[str, ToolReturned] = field(default_factory=dict)
    is_finished: bool = False

    @property
    def text(self) -> str:
        """What the model said. Kept in pieces: adding to one long text would copy all of it for each token."""
        return "".join(self.pieces)


@dataclass
class Progress:
    """The steps so far. The last one may be unfinished: `partial_text` has then been shown already."""

    steps: list[Step] = field(default_factory=list)
    usage: list[Usage] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    approvals: dict[str, ApprovalRequested] = field(default_factory=dict)
    decisions: dict[str, ApprovalDecided] = field(default_factory=dict)
    started_calls: set[str] = field(default_factory=set)
    has_started: bool = False

    @property
    def output(self) -> str:
        """Everything the reader was shown."""
        return "".join(self.text)

    @property
    def current(self) -> Step | None:
        """The step whose model turn has not ended."""
        return self.steps[-1] if self.steps and not self.steps[-1].is_finished else None

    @property
    def open_calls(self) -> list[PlannedCall]:
        """Calls of the last step without a result, in order."""
        if not self.steps:
            return []
        step = self.steps[-1]
        return [call for call in step.calls if call.call_id not in step.returned]

    @property
    def interrupted_calls(self) -> set[str]:
        """Ids of calls that were begun and have no result; after a crash nobody knows whether they took effect."""
        return {call.call_id for call in self.open_calls} & self.started_calls

    @property
    def tool_call_count(self) -> int:
        """How many calls were asked for."""
        return sum(len(step.calls) for step in self.steps)

    @property
    def sources(self) -> list[Source]:
        """Every source a tool found, in order, each once."""
        seen: dict[tuple[str, str, str], Source] = {}
        for step in self.steps:
            for call in step.calls:
                result = step.returned.get(call.call_id)
                for source in result.sources if result else ():
                    seen.setdefault((source.document_id, source.passage_id, source.quote), source)
        return list(seen.values())

    @property
    def final_answer(self) -> ToolReturned | None:
        """The result of a tool that ended the run by answering itself."""
        if not self.steps:
            return None
        return next((result for result in self.steps[-1].returned.values() if result.ends_run), None)

    def apply(self, event: RunEvent) -> None:
        """Take one event in."""
        match event:
            case RunStarted():
                self.has_started = True
            case ModelCalled():
                self.steps.append(Step(number=event.step))
            case TextDelta():
                self.text.append(event.text)
                if self.steps:
                    self.steps[-1].pieces.append(event.text)
            case StepFinished():
                self.usage.append(event.usage)
                self.steps[-1].is_finished = True
                self.steps[-1].calls = event.calls
            case ToolCalled():
                self.started_calls.add(event.call_id)
            case ToolReturned():
                self.steps[-1].returned[event.call_id] = event
            case ApprovalRequested():
                self.approvals[event.call_id] = event
            case ApprovalDecided():
                self.decisions[event.call_id] = event
            case _:
                pass

    @property
    def images(self) -> list[Image]:
        """Every picture a tool returned, in order."""
        return [image for step in self.steps for result in step.returned.values() for image in result.images]

    def messages(self, pictures: Mapping[str, bytes]) -> list[ChatMessage]:
        """The finished steps as the model has to see them; `pictures` are the bytes of `images` by blob key."""
        messages = []
        for step in self.steps:
            if not step.is_finished:
                continue
            calls = tuple(ChatToolCall(id=c.call_id, name=c.tool, input=c.input) for c in step.calls)
            messages.append(ChatMessage(role="assistant", text=step.text.strip(), tool_calls=calls))
            for call in step.calls:
                result = step.returned.get(call.call_id)
                if result is not None:
                    messages.append(_tool_message(call, result, pictures))
        return messages


def replay(events: Iterable[RunEvent], *, call_id: str | None = None) -> Progress:
    """Return the progress of the run's own agent, or of the sub-agent that works on the task of `call_id`.

    What sub-agents used counts as use of the run, too.
    """
    progress = Progress()
    for event in events:
        if isinstance(event, SubAgentStarted | SubAgentFinished):
            continue
        producer = getattr(event, "producer", None)
        if (producer.call_id if producer is not None else None) == call_id:
            progress.apply(event)
        elif call_id is None and isinstance(event, StepFinished):
            progress.usage.append(event.usage)
    return progress


def _tool_message(call: PlannedCall, result: ToolReturned, pictures: Mapping[str, bytes]) -> ChatMessage:
    output = result.output
    return ChatMessage(
        role="tool",
        text=output if isinstance(output, str) else "",
        tool_call_id=call.call_id,
        tool_name=call.tool,
        data=output,
        images=tuple((image.mime_type, pictures[image.blob_key]) for image in result.images),
    )
