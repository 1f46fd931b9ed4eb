"""`wisebot`: the vendor's documented commands and variables, on any server that speaks its contract.

Exit codes are the contract's: 0 done, 1 an error of the API or the run, 2 wrong usage, 3 missing configuration.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trivium.cli._output import FAILED, show_error

if TYPE_CHECKING:
    from cyclopts import App

HELP = """Usage: wisebot COMMAND [OPTIONS]

Commands:
  status                        the organization in numbers
  agents list|create            configured assistants
  logs --tail                   what happened lately
  api-keys list|create|revoke   keys (dashboard token only)
  webhooks list|create|delete   subscriptions (dashboard token only)
  playground send|get|sessions  try an agent (dashboard token only)
  workflow trigger|run          start workflows
  knowledge list|upload|resolve files that agents answer from
  chat                          talk with an agent
  login                         sign in

Environment:
  WISEBOTAI_BASE_URL                      address of the dashboard, no path
  WISEBOT_ACCESS_TOKEN, WISE_KEY          token or wb_live_ key
  WISEBOT_WORKFLOW_TRIGGER_ORIGIN         address that takes triggers
  WISEBOT_WORKFLOW_SECRET                 secret of the workflow

More about one: wisebot COMMAND --help"""
COMMANDS = (
    ("status", "remote_overview:status"),
    ("agents", "remote_agents:agents"),
    ("logs", "remote_overview:logs"),
    ("api-keys", "remote_admin:api_keys"),
    ("webhooks", "remote_admin:webhooks"),
    ("playground", "remote_playground:app"),
    ("workflow", "remote_workflow:app"),
    ("knowledge", "remote_knowledge:app"),
    ("chat", "chat:chat"),
    ("login", "remote_login:login"),
    ("serve", "serve:serve"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; always ends with SystemExit."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words in ([], ["--help"], ["-h"]):
        print(HELP)
        sys.exit(0)
    # The contract's default is JSON for what is a status or a list; logs are lines and chats are text.
    if words[0] in {"status", "agents", "api-keys", "webhooks", "knowledge", "workflow"}:
        os.environ.setdefault("TRIVIUM_OUTPUT", "json")
    _follow(words)
    try:
        make_app()(words, exit_on_error=False, print_error=False)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stdout = None
        sys.exit(FAILED)
    except Exception as error:
        from trivium.cli.main import stop_for, wants_json

        stop = stop_for(error)
        if stop is None:
            raise
        show_error(stop, as_json=wants_json(words))
        sys.exit(stop.status if stop.status in {1, 2, 3} else FAILED)


def make_app() -> "App":
    """Return the command line; no command's module is imported yet."""
    from cyclopts import App, Parameter

    from trivium import __version__

    app = App(name="wisebot", help=HELP, version=__version__, default_parameter=Parameter(negative=()))
    for name, place in COMMANDS:
        app.command(f"trivium.cli.{place}", name=name)
    return app


def _follow(words: list[str]) -> None:
    """Let `logs --no-follow` print once, and `logs` without --tail too, as documented."""
    if words[0] == "logs" and "--no-follow" in words and "--tail" not in words:
        words.remove("--no-follow")


if __name__ == "__main__":
    main()
