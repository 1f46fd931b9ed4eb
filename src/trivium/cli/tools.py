"""`trivium tools`: write, try and serve tools of your own."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from trivium.cli._output import USAGE, StopError, say, show_record

app = App(name="tools", help="Write, try and serve tools of your own.")

Json = Annotated[bool, Parameter(name="--json", help="Print JSON.")]


@app.command(name="new")
def new(
    name: str,
    /,
    *,
    complete: Annotated[bool, Parameter(help="A class instead of a function.")] = False,
    description: Annotated[str, Parameter(help="What the tool is for, for the model.")] = "",
    folder: Annotated[Path, Parameter(help="Where to put the project.")] = Path(),
    json: Json = False,
) -> None:
    """Write a tool project that runs as it is.

    Example: trivium tools new "plant report"
    """
    from trivium.adapters.tools.wabee.project import new_project

    made = new_project(folder, name, description=description, is_complete=complete)
    note = f'Try it: trivium tools run {made} \'{{"text": "hello"}}\''
    show_record({"folder": str(made)}, form="json" if json else "table", main="folder", note=note)


@app.command(name="run")
def run(project: Path, input: str = "{}", /, *, json_: Annotated[bool, Parameter(name="--json")] = False) -> None:  # noqa: A002 - shown to people
    """Call the tool of a project once with an input of JSON.

    Example: trivium tools run plant_report '{"text": "hello"}'
    """
    from trivium.adapters.tools.wabee.answers import ToolFailedError, read_answer, to_wire
    from trivium.adapters.tools.wabee.loader import load_tool
    from trivium.adapters.tools.wabee.local import answer_of

    try:
        values = json.loads(input)
    except ValueError as error:
        raise StopError("The input is no JSON.", status=USAGE, code="usage") from error
    if not isinstance(values, dict):
        raise StopError("The input is a JSON object.", status=USAGE, code="usage")
    tool = load_tool(project)
    try:
        answer = read_answer(asyncio.run(answer_of(tool, values, {})))
    except ToolFailedError as error:
        raise StopError(f"{tool.name}: {error.message}", code=error.kind) from error
    content = answer.content if isinstance(answer.content, str) else json.dumps(answer.content, ensure_ascii=False)
    show_record({**to_wire(answer), "text": content}, form="json" if json_ else "table", main="text")


@app.command(name="serve")
def serve(
    *projects: Path,
    host: Annotated[str, Parameter(help="Address to listen on; the protocol has no passwords.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = 50051,
) -> None:
    """Serve the tools of projects over gRPC, as Wabee agents call them, until told to stop.

    Example: trivium tools serve plant_report invoice --port 50051
    """
    try:
        from trivium.adapters.tools.wabee.serving import ToolServer
    except ImportError as error:
        raise StopError("gRPC is not installed.", hint="Install trivium[grpc].") from error
    from trivium.adapters.tools.wabee.loader import load_tool

    if not projects:
        raise StopError("Name at least one project.", status=USAGE, code="usage")
    tools = [load_tool(project) for project in projects]
    try:
        server = ToolServer(tools, address=f"{host}:{port}")
    except RuntimeError as error:
        raise StopError(f"{host}:{port} is in use.", hint="Choose another --port.") from error
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.start()
        print(f"Serving {', '.join(tool.name for tool in tools)} on {host}:{server.port}", flush=True)
        server.wait()
    except KeyboardInterrupt:
        say("Stopping.")
        server.stop()
