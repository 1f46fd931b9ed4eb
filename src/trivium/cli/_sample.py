"""The sample organization: made once in a data folder, with keys that stay the same."""

import asyncio
import base64
import json
import os
import secrets
import shlex
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trivium.adapters.samples import AGENT_NAME, read_agent_files, read_samples
from trivium.cli._sample_workflow import workflow_variables
from trivium.core.errors import CoreError
from trivium.core.model.access import ProgramKeyKind
from trivium.core.model.agents import Agent
from trivium.core.model.ids import new_id
from trivium.core.model.organizations import Organization
from trivium.core.platform import Upload, add_agent
from trivium.core.ports import Transaction
from trivium.settings import Settings

if TYPE_CHECKING:
    from trivium.core.platform import Platform

ENV_NAME = "demo.env"
OWNER = "owner@acme.example"
QUESTION = "How long do I have to return an item?"
_INSTRUCTIONS = (
    "You are the support agent of Acme, a shop. Answer from the files you are given and name the file that an answer "
    "comes from. If the files do not hold the answer, say so."
)
# A setting of the organization that names its sample agent, so that a later start finds both again.
_MARK = "sample_agent_id"
_INDEXED = "sample_is_indexed"
_INDEXING_S_MAX = 120.0
_TOKEN = "WISEBOT_ACCESS_TOKEN"  # noqa: S105 - the name of a variable
_TOKEN_LIFETIME_S = 10 * 365 * 86_400.0
_ADDRESSES = ("WISEBOTAI_BASE_URL", "WISEBOT_WORKFLOW_TRIGGER_ORIGIN", "WIZCHAT_BASE_URL", "WABEE_ENDPOINT")
_KEYS: dict[str, ProgramKeyKind] = {"WISE_KEY": "wisebot", "WIZCHAT_API_KEY": "wizchat", "WABEE_API_KEY": "wabee"}


def read_env(path: Path) -> dict[str, str]:
    """Return the variables of such a file, or none when it is missing."""
    if not path.exists():
        return {}
    lines = path.read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def write_env(path: Path, variables: Mapping[str, str]) -> None:
    """Write the variables for a shell to read, whole or not at all, for the owner only (mode 0600)."""
    text = "# Keys of the sample organization. Use them: set -a; . ./demo.env; set +a\n"
    text += "".join(f"{name}={value}\n" for name, value in variables.items())
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


@dataclass
class SampleStart:
    """A start of the server with the sample in it."""

    settings: Settings
    organization: Organization | None = None
    task: asyncio.Task[None] | None = None

    @property
    def env_path(self) -> Path:
        """The file with the keys."""
        return self.settings.data / ENV_NAME

    async def prepare(self, platform: "Platform", port: int) -> None:
        """Make what is missing and write `demo.env`, before anybody can connect: a server that answers has keys."""
        self.organization = await _organization(platform, self.settings)
        known = read_env(self.env_path)
        variables = dict.fromkeys(_ADDRESSES, self.settings.base_url(port))
        variables |= await _credentials(platform, self.organization, known)
        variables |= await workflow_variables(platform, self.organization.id, known)
        if variables != known:
            write_env(self.env_path, variables)

    def introduce(self, platform: "Platform", port: int) -> None:
        """Index the files and say what there is, beside the first requests."""
        self.task = asyncio.get_running_loop().create_task(self._introduce(platform, port))

    async def _introduce(self, platform: "Platform", port: int) -> None:
        organization = self.organization
        if organization is None:
            return
        agents = await platform.store.read(lambda tx: tx.agents.find(organization.id, id=organization.default_agent_id))
        agent = agents[0] if agents else None
        if agent is not None and not organization.settings.get(_INDEXED):
            try:
                await _index(platform, agent)
            except (CoreError, TimeoutError) as error:
                print(f"trivium: The sample files are not indexed yet: {error}.", file=sys.stderr, flush=True)
        for line in introduction(agent, self.settings.base_url(port), self.env_path):
            print(line, flush=True)


def introduction(agent: Agent | None, base_url: str, env_path: Path) -> list[str]:
    """Return the lines that a new user sees; the command in them works when pasted."""
    lines = [f"Trivium is ready on {base_url}"]
    if agent is not None:
        body = json.dumps({"messages": [{"role": "user", "content": QUESTION}]})
        lines += [
            f"  Agent   {agent.name} ({agent.id})",
            f"  Keys    {env_path}",
            "  Ask it  (paste this)",
            "",
            f"set -a; . {shlex.quote(str(env_path.absolute()))}; set +a",
            'curl -s "$WABEE_ENDPOINT/core/v1/chain" -H "x-wabee-access: $WABEE_API_KEY" \\',
            f"  -H 'content-type: application/json' -d '{body}'",
            "",
        ]
    return lines


async def _organization(platform: "Platform", settings: Settings) -> Organization:
    known = await platform.store.read(lambda tx: tx.organizations.all())
    for one in known:
        if _MARK in one.settings:
            return one
    now = platform.clock.now()
    organization_id = new_id("org")
    agent = Agent(
        id=new_id("agt"),
        organization_id=organization_id,
        name=AGENT_NAME,
        description="Answers questions about Acme's products, prices and returns.",
        instructions=_INSTRUCTIONS,
        greeting="Hello, this is Acme's support. What would you like to know?",
        concurrency=settings.conversation_policy,
        created_at=now,
        updated_at=now,
    )
    organization = Organization(
        id=organization_id, name="Acme", created_at=now, default_agent_id=agent.id, settings={_MARK: agent.id}
    )

    def unit(tx: Transaction) -> None:
        tx.organizations.add(organization)
        add_agent(tx, agent)

    await platform.store.write(unit)
    for path, content in read_agent_files().items():
        await platform.files.upload(agent.id, path, _whole(content))
    return organization


async def _whole(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


async def _index(platform: "Platform", agent: Agent) -> None:
    # Added once: files that somebody deletes later do not come back with the next start.
    documents = []
    for name, content in read_samples().items():
        upload = Upload(name=name, agent_id=agent.id, view_access="public")
        documents.append(await platform.knowledge.add(agent.organization_id, upload, content))
    for count, document in enumerate(documents):
        _show_progress(count, len(documents), document.name)
        await platform.knowledge.wait_ready(agent.organization_id, document.id, timeout_s=_INDEXING_S_MAX)
    _show_progress(len(documents), len(documents), "")

    def unit(tx: Transaction) -> None:
        organization = tx.organizations.get(agent.organization_id, agent.organization_id)
        tx.organizations.put(replace(organization, settings={**organization.settings, _INDEXED: True}))

    await platform.store.write(unit)


def _show_progress(count: int, total: int, name: str) -> None:
    line = f"Indexing the sample files: {count} of {total} {name}"
    if sys.stderr.isatty():
        print(f"\r{line:<78}", end="\n" if count == total else "", file=sys.stderr, flush=True)
    elif count in (0, total):
        print(line.rstrip(), file=sys.stderr, flush=True)


async def _credentials(platform: "Platform", organization: Organization, known: Mapping[str, str]) -> dict[str, str]:
    token = known.get(_TOKEN, "")
    if not _is_token_of(token, organization.id, platform.clock.now().timestamp()):
        token = await _token(platform, organization.id)
    variables = {_TOKEN: token}
    agents = await platform.store.read(lambda tx: tx.agents.find(organization.id, id=organization.default_agent_id))
    for name, kind in _KEYS.items():
        secret = known.get(name, "")
        if not await _is_key_of(platform, secret, kind, organization.id):
            # Programs that know one agent only are told which by their key.
            agent_ids = [agent.id for agent in agents] or None if kind == "wabee" else None
            _, secret = await platform.access.create_key(organization.id, kind=kind, name="Sample", agent_ids=agent_ids)
        variables[name] = secret
    return variables


async def _token(platform: "Platform", organization_id: str) -> str:
    user = await platform.store.read(lambda tx: tx.users.by_email(OWNER))
    memberships = [] if user is None else await platform.access.accounts.memberships(user.id)
    if not any(one.organization_id == organization_id for one in memberships):
        # Nobody signs in with this password: the token is enough, and `trivium admin user password` sets another.
        password = None if user else secrets.token_urlsafe(24)
        await platform.access.create_user(OWNER, organization_id=organization_id, role="owner", password=password)
    issued = await platform.access.issue_token(OWNER, organization_id=organization_id, lifetime_s=_TOKEN_LIFETIME_S)
    return issued.token


async def _is_key_of(platform: "Platform", secret: str, kind: ProgramKeyKind, organization_id: str) -> bool:
    try:
        principal = await platform.access.authenticate(secret, kinds=(kind,))
    except CoreError:
        return False
    return principal.organization_id == organization_id


def _is_token_of(token: str, organization_id: str, now: float) -> bool:
    # Only read, not verified: that would import the library for tokens into every start.
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return bool(claims["org"] == organization_id and claims["exp"] > now)
    except (IndexError, KeyError, TypeError, ValueError):
        return False
