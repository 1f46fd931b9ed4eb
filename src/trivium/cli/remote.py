"""What every remote command has in common: its options, its clients, and how failures are told."""

import functools
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

from cyclopts import Parameter

from trivium.cli._output import CONFIGURATION, FAILED, USAGE, StopError
from trivium.cli.remote_contexts import on_or_off, read_contexts, resolved, same_server, seconds_of
from trivium.cli.remote_output import Format, say, set_colour, show, show_json

if TYPE_CHECKING:
    from trivium_client import ApiError, Items, TriviumError, Wabee, Wisebot, WizChat
    from trivium_client._model import Answer, Model

AUTHENTICATION = 4
RATE_LIMIT = 7
FORMS: tuple[Format, ...] = ("table", "json", "yaml", "name", "tree", "text")
LOCAL_URL = "http://127.0.0.1:8080"
# A key of the organization for the Wisebot contract alone.
PROGRAM_KEY = "wb_live_"
P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound="Model")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Remote:
    """Which server to ask, as whom, and how to print what it says."""

    context: Annotated[str | None, Parameter(name=["--context", "-p", "--profile"], help="Named server.")] = None
    url: Annotated[
        str | None, Parameter(name=["--url", "-e", "--endpoint", "--base-url"], help="Address of the server.")
    ] = None
    token: Annotated[
        str | None, Parameter(name=["--token", "-k", "--api-key"], help="Token or key; better kept in a context.")
    ] = None
    output: Annotated[
        str | None, Parameter(name=["--output", "-o"], help="Form of the output: table, json, yaml or name.")
    ] = None
    json: Annotated[bool, Parameter(help="The same as -o json; errors become JSON too.", negative=())] = False
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], help="No progress and no hints.", negative=())] = False
    no_color: Annotated[bool, Parameter(help="No colour.", negative=())] = False
    timeout: Annotated[float | None, Parameter(help="Seconds that one try may take.")] = None
    verbose: Annotated[
        bool,
        Parameter(name=["--verbose", "-v"], help="Say which server is asked, and the ids of failures.", negative=()),
    ] = False
    # Read by `main.take_global_options` before the command line is; here for the help.
    config: Annotated[Path | None, Parameter(help="File of contexts; Wabee's own, too (.yaml).")] = None

    @property
    def form(self) -> Format:
        """Return the form of the output."""
        if self.json:
            return "json"
        found = self.output or self.settings.get("output")
        if found is None:
            return "table"
        form = next((form for form in FORMS if form == found), None)
        if form is None:
            raise StopError(
                f"There is no form {found!r}.", hint=f"Forms: {', '.join(FORMS)}.", status=USAGE, code="usage"
            )
        return form

    @property
    def settings(self) -> dict[str, str]:
        """Return what the context and the environment say, with the options on top."""
        values = resolved(self.context, self.url)
        given = {"url": self.url, "token": self.token}
        return {**values, **{key: value for key, value in given.items() if value}}

    @property
    def server(self) -> str:
        """Return the address of the server."""
        return self.settings.get("url", LOCAL_URL)

    def key(self, name: str) -> str:
        """Return a key by its name in the context; --token stands for each of them.

        Who has signed in needs no other: a person's token and a device's key are good for all three contracts.
        """
        token = self.settings.get("token", "")
        found = self.token or self.settings.get(name) or ("" if token.startswith(PROGRAM_KEY) else token)
        if not found:
            raise StopError(
                f"No {name} for {self.server}.",
                hint=f"{self.sign_in_hint}; or: trivium context set NAME {name}=…",
                status=CONFIGURATION,
                code="missing_key",
            )
        return found

    @property
    def sign_in_hint(self) -> str:
        """Return how to sign in to this server."""
        if self.context:
            return f"Sign in: trivium login --context {self.context}"
        stored = read_contexts()
        current = stored.contexts.get(stored.current or "", {}).get("url")
        is_known = current is not None and same_server(current, self.server)
        return "Sign in: trivium login" if is_known else f"Sign in: trivium login --url {self.server}"

    def seconds(self, default: float) -> float:
        """Return how long one try may take."""
        found = self.settings.get("timeout")
        return self.timeout or (default if found is None else seconds_of(found))

    def is_on(self, name: str, given: bool | None) -> bool:
        """Return a switch: as the option says, else the environment or the context, else on."""
        return on_or_off(self.settings.get(name, "true"), name) if given is None else given

    def prepare(self) -> None:
        """Take up what holds for the whole command: colour, and what --verbose tells."""
        set_colour(not self.no_color and on_or_off(self.settings.get("color", "true"), "color"))
        if self.verbose:
            name = self.context or read_contexts().current
            print(f"trivium: asking {self.server}{f', context {name}' if name else ''}", file=sys.stderr)

    def wisebot(self) -> "Wisebot":
        """Return a client of the Wisebot contract; close it."""
        from trivium_client import Wisebot

        return Wisebot(self.key("token"), self.server, timeout=self.seconds(60))

    def wizchat(self) -> "WizChat":
        """Return a client of the WizChat contract; close it."""
        from trivium_client import WizChat

        return WizChat(self.key("management-key"), self.server, timeout=self.seconds(60))

    def wabee(self) -> "Wabee":
        """Return a client of the Wabee contract; close it."""
        from trivium_client import Wabee

        agent = self.settings.get("agent")
        return Wabee(self.key("agent-key"), self.server, agent=agent, timeout=self.seconds(60))

    def tell(self, text: str) -> None:
        """Tell a person at a terminal something, unless they want quiet."""
        if not self.quiet:
            say(text)

    def show(self, value: object, *columns: str, name: str = "id") -> None:
        """Print a record or a list of records in the form that was asked for."""
        show(value, form=self.form, columns=columns, name=name)

    def answer(self, answer: "Answer | Items[M]", *columns: str, name: str = "id") -> None:
        """Print what the server answered: as JSON the body as it came, else its fields or the rows of its list."""
        raw = answer.raw_response
        if self.form == "json" and raw is not None:
            show_json(json.loads(raw.content))
            return
        if isinstance(answer, list):
            self.show([item.model_dump(mode="json", by_alias=True) for item in answer], *columns, name=name)
            return
        self.show(answer.model_dump(mode="json", by_alias=True), name=name)


HERE = Remote()


def remote(command: Callable[P, R]) -> Callable[P, R]:
    """Make a command tell the client's failures in one line and with the right exit code."""

    @functools.wraps(command)
    def guarded(*arguments: P.args, **options: P.kwargs) -> R:
        found = options.get("remote", HERE)
        here = found if isinstance(found, Remote) else HERE
        try:
            here.prepare()
            return command(*arguments, **options)
        except Exception as error:
            from trivium_client import TriviumError

            if isinstance(error, TriviumError):
                raise stop_for(error, here) from error
            if isinstance(error, UnicodeDecodeError):
                raise StopError(f"This is no text in UTF-8: {error.reason}", status=USAGE, code="usage") from error
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError) and error.filename:
                raise StopError(f"{error.filename}: {error.strerror}", code="file") from error
            raise

    return guarded


def stop_for(error: "TriviumError", here: Remote = HERE) -> StopError:
    """Return the one line for a failure of the client, with what to do about it there."""
    import trivium_client as client

    match error:
        case client.MissingConfiguration():
            return StopError(str(error), status=CONFIGURATION, code="configuration")
        case client.NotAuthenticated():
            return StopError(error.message, hint=here.sign_in_hint, status=AUTHENTICATION, code=error.code)
        case client.NotPermitted():
            hint = "This key may not do that."
            return StopError(error.message, hint=hint, status=AUTHENTICATION, code=error.code)
        case client.RateLimited():
            wait = f"Try again in {error.retry_after_s:.0f} s." if error.retry_after_s else "Try again later."
            return StopError(error.message, hint=wait, status=RATE_LIMIT, code=error.code)
        case client.ApiError():
            is_told = error.request_id and (here.verbose or error.status >= 500)
            hint = f"Request id: {error.request_id}" if is_told else ""
            return StopError(_with_details(error), hint=hint, status=FAILED, code=error.code)
        case client.ConnectionFailed():
            return StopError(str(error), hint="Is the server running, and is --url right?", code="no_connection")
        case _:
            return StopError(str(error), code="failed")


def _with_details(error: "ApiError") -> str:
    # Which thing was not found stands in the message already.
    if not error.details or (isinstance(error.details, Mapping) and error.details.keys() <= {"kind", "name", "id"}):
        return error.message
    return f"{error.message} {json.dumps(error.details, ensure_ascii=False)}"
