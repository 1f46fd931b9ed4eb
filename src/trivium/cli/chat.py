"""`trivium chat`: a conversation in the terminal. Ctrl-C stops the answer, not the program."""

import contextlib
import getpass
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Protocol

from cyclopts import Parameter

from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import has_colour, say, styled

if TYPE_CHECKING:
    from trivium_client import Wabee, Wisebot
    from trivium_client.models.wisebot import ChatSource

HELP = "/help shows this, /new begins anew, /quit ends (so does Ctrl-D), Ctrl-C stops an answer"
MORE_LINES = 'End a line with \\ to go on in the next, or write several lines between two lines of """.'
FENCE = '"""'
MORE = "...: "
REFRESHES_PER_S = 12


class Partner(Protocol):
    """Who is talked with: streams the pieces of an answer, then knows its sources."""

    greeting: str | None
    sources: list[str]

    def ask(self, question: str) -> Iterator[str]:
        """Yield the pieces of the answer; closing the iterator cancels the run."""

    def begin_anew(self) -> None:
        """Forget the conversation so far."""


@remote
def chat(
    *,
    agent: Annotated[str | None, Parameter(help="Agent to talk with; the default one unless named.")] = None,
    visitor: Annotated[str | None, Parameter(help="Talk as this visitor; you unless named.")] = None,
    new: Annotated[bool, Parameter(help="Do not go on with the last conversation.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Talk with an agent. On a terminal answers are rendered; in a pipe each line of stdin is a question.

    Example: `echo "How long may I return an item?" | trivium chat`
    """
    settings = remote.settings
    if settings.get("agent-key") and not settings.get("token"):
        with remote.wabee() as wabee:
            talk(WabeePartner(wabee))
        return
    with remote.wisebot() as wisebot:
        talk(WisebotPartner(wisebot, visitor or f"cli-{getpass.getuser()}", agent=agent, is_new=new))


def talk(partner: Partner) -> None:
    """Read questions until the end of stdin."""
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  # history and editing of what is typed
        say(HELP)
        if partner.greeting:
            print(partner.greeting)
    for question in _questions(is_terminal):
        match question.split(maxsplit=1):
            case []:
                continue
            case ["/quit" | "/exit"]:
                return
            case ["/help"]:
                say(f"{HELP}\n{MORE_LINES}")
            case [word] if is_terminal and word.startswith("/"):
                say(f"There is no command {word}. {HELP}")
            case ["/new"]:
                partner.begin_anew()
                say("A new conversation.")
            case _:
                _answer(partner, question)


def _questions(is_terminal: bool) -> Iterator[str]:
    while is_terminal:
        try:
            yield _typed()
        except EOFError:
            print(file=sys.stderr)
            return
        except KeyboardInterrupt:
            print(file=sys.stderr)
    yield from (line.rstrip("\n") for line in sys.stdin)


def _typed() -> str:
    """Return what a person types: a line, lines that end in a backslash, or what stands between two lines of quotes."""
    line = input(styled("you: ", "1;36"))
    if line.strip() == FENCE:
        lines = []
        while (line := input(MORE)).strip() != FENCE:
            lines.append(line)
        return "\n".join(lines)
    lines = [line]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1][:-1]
        lines.append(input(MORE))
    return "\n".join(lines)


def _answer(partner: Partner, question: str) -> None:
    with contextlib.closing(partner.ask(question)) as pieces:  # type: ignore[type-var]  # an iterator of ours: a generator
        try:
            if has_colour():
                _render(pieces)
            else:
                for piece in pieces:
                    print(piece, end="", flush=True)
                print()
        except KeyboardInterrupt:
            say("\nStopped.")
            return
    if partner.sources:
        print(styled(f"Sources: {', '.join(partner.sources)}", "2"))


def _render(pieces: Iterator[str]) -> None:
    """Show Markdown as it grows."""
    from rich.console import Console
    from rich.live import Live
    from rich.markdown import Markdown

    console, text = Console(), ""
    with Live(console=console, refresh_per_second=REFRESHES_PER_S, vertical_overflow="visible") as live:
        for piece in pieces:
            text += piece
            live.update(Markdown(text))


class WisebotPartner:
    """An agent as a visitor meets it."""

    def __init__(self, client: "Wisebot", visitor: str, *, agent: str | None, is_new: bool) -> None:
        self._client = client
        self._visitor = visitor
        self._agent = agent
        self._session = client.chat.create_session(visitor, agent_id=agent, force_new=is_new or None)
        self.greeting: str | None = self._session.greeting_message
        self.sources: list[str] = []

    def begin_anew(self) -> None:
        self._session = self._client.chat.create_session(self._visitor, agent_id=self._agent, force_new=True)

    def ask(self, question: str) -> Iterator[str]:
        from trivium_client import RunFailed, TriviumError
        from trivium_client.models.wisebot import ChatFailed, ChatFinished, ChatStatus, ChatTextDelta

        self.sources = []
        stream = self._client.chat.stream(
            prompt=question,
            thread_id=self._session.thread_id,
            contact_session_id=self._session.contact_session_id,
        )
        shown = False
        with stream:
            try:
                for event in stream:
                    match event:
                        case ChatTextDelta():
                            shown = True
                            yield event.delta
                        case ChatFinished():
                            if not shown:
                                yield event.full_text
                            self.sources = _names(event.sources)
                        case ChatStatus():
                            say(f"The conversation is {event.status} now.")
                        case ChatFailed():
                            raise RunFailed(event.message, request_id=stream.request_id)
            except (GeneratorExit, KeyboardInterrupt):
                if stream.run_id is not None:
                    with contextlib.suppress(TriviumError):
                        self._client.runs.cancel(stream.run_id)
                raise


class WabeePartner:
    """The agent that a Wabee key is for."""

    def __init__(self, client: "Wabee") -> None:
        self._client = client
        self.greeting: str | None = None
        self.sources: list[str] = []
        self.begin_anew()

    def begin_anew(self) -> None:
        import uuid

        self._session_id = str(uuid.uuid4())

    def ask(self, question: str) -> Iterator[str]:
        with self._client.chain_streaming(question, session_id=self._session_id) as stream:
            yield from stream.text_deltas()


def _names(sources: "Sequence[ChatSource] | None") -> list[str]:
    """Return the names of the files an answer cites, each once."""
    return list(dict.fromkeys(source.name for source in sources or ()))
