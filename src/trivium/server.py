"""The server: settings to adapters, adapters to the platform, the platform behind its contracts."""

import contextlib
import fcntl
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette

from trivium import __version__
from trivium.adapters.blobs.files import FileBlobs
from trivium.adapters.blobs.tree import FolderTree
from trivium.adapters.calendar import CronCalendar
from trivium.adapters.clock import SystemClock
from trivium.adapters.dns import SystemTxtRecords
from trivium.adapters.embed.universal import UniversalEmbedder
from trivium.adapters.extract.process import Extractors
from trivium.adapters.images.pillow import PillowImages
from trivium.adapters.index.encoder import ProcessEncoder
from trivium.adapters.index.index import MatrixIndex
from trivium.adapters.listener import BoundedProtocol, Server, bind, settle
from trivium.adapters.models.prices import ModelPrices
from trivium.adapters.models.registry import ModelRegistry
from trivium.adapters.outbound.allowed import parse_allowed
from trivium.adapters.outbound.client import GuardedOutbound
from trivium.adapters.sandbox import SandboxRunner
from trivium.adapters.secrets.keyring import open_keyring
from trivium.adapters.secrets.passwords import Argon2Passwords
from trivium.adapters.secrets.seal import AesSeal
from trivium.adapters.secrets.tokens import JwtTokens
from trivium.adapters.sql.opening import open_store
from trivium.adapters.sql.store import SqliteStore
from trivium.adapters.telemetry.otlp import OtlpTracer, open_tracer
from trivium.adapters.tools.builtin import BuiltinTools
from trivium.adapters.tools.code import CodeTool
from trivium.adapters.tools.http import HttpTools
from trivium.adapters.tools.json_schema import JsonSchemas
from trivium.adapters.tools.making import MakingTools
from trivium.adapters.tools.mcp import HttpMcpClients
from trivium.adapters.tools.tables import TableTool
from trivium.adapters.tools.wabee.host import WabeeTools
from trivium.adapters.tools.web_search import WebSearchTool
from trivium.contracts import console, http, metrics, openapi, wabee, wisebot, wizchat
from trivium.core.model.agents import RunLimits
from trivium.core.model.ids import new_id
from trivium.core.platform import Adapters, Platform, PlatformSettings, RunSettings, wire
from trivium.settings import Settings

if TYPE_CHECKING:
    from trivium.adapters.sql.postgres import PostgresStore

logger = logging.getLogger(__name__)

_OWNER = "server-"
# Made once more in the process that encodes passages.
_EMBEDDER = "trivium.adapters.embed.universal:UniversalEmbedder"


class DataFolderBusyError(Exception):
    """Another server works on the data folder."""


@contextlib.contextmanager
def data_folder(path: Path) -> Generator[Path, None, None]:
    """Make the folder (mode 0700) and hold its lock: one server at a time, so what an earlier one left is nobody's."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (path / "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = f"Another server uses {path}. Stop it, or name another folder with --data."
            raise DataFolderBusyError(message) from error
        yield path


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A platform and what has to be closed after it."""

    platform: Platform
    store: "SqliteStore | PostgresStore"
    providers: ModelRegistry
    outbound: GuardedOutbound
    extractor: Extractors
    index: MatrixIndex
    tracer: OtlpTracer | None = None

    async def close(self, *, grace_s: float) -> None:
        """Stop the platform, then what it stands on."""
        await self.platform.close(grace_s=grace_s)
        await self.providers.aclose()
        await self.outbound.aclose()
        await self.extractor.close()
        await self.index.close()
        await self.store.close()
        if self.tracer is not None:
            await self.tracer.aclose()


def build(settings: Settings, *, owner: str = _OWNER) -> Parts:
    """Return the platform over the adapters these settings name. Blocking: migrates the database first.

    `owner`: how the names of this kind of process begin where they stand in leases.
    """
    store = open_store(settings.database_path, settings.database_url)
    clock = SystemClock()
    keyring = open_keyring(settings.key_path)
    seal = AesSeal(keyring)
    embedder = UniversalEmbedder()
    outbound = GuardedOutbound(parse_allowed(settings.outbound_allow), user_agent=f"Trivium/{__version__}")
    prices = ModelPrices()
    providers = ModelRegistry(
        base_url=settings.model_base_url,
        api_key=settings.model_api_key,
        model=settings.model,
        seal=seal,
        embedder=embedder,
        guarded=outbound.connector,
        prices=prices,
    )
    extractor = Extractors(transcriber=settings.transcriber)
    index = MatrixIndex(store, embedder, encoder=ProcessEncoder(_EMBEDDER))
    blobs, files = FileBlobs(settings.data / "blobs"), FolderTree(settings.data / "files")
    tracer, sandbox = _tracer(settings), SandboxRunner()
    adapters = Adapters(
        tracer=tracer,
        store=store,
        clock=clock,
        blobs=blobs,
        mcp_clients=HttpMcpClients(outbound),
        txt_records=SystemTxtRecords(),
        tokens=JwtTokens(keyring, clock),
        passwords=Argon2Passwords(),
        seal=seal,
        outbound=outbound,
        providers=providers,
        prices=prices,
        schemas=JsonSchemas(),
        calendar=CronCalendar(),
        code=sandbox,
        images=PillowImages(),
        file_tree=files,
        extractor=extractor,
        passage_index=index,
        embedder=embedder,
        tool_hosts=(
            BuiltinTools(clock=clock),
            TableTool(store=store, blobs=blobs, files=files),
            HttpTools(store=store, clock=clock, outbound=outbound, seal=seal),
            WabeeTools(settings.wabee_tools),
            CodeTool(sandbox),
            MakingTools(store=store, blobs=blobs, clock=clock, base_url=settings.public_url),
            WebSearchTool(
                outbound=outbound,
                url=settings.search_url,
                engine=settings.search_engine,
                api_key=settings.search_api_key,
            ),
        ),
    )
    platform = wire(adapters, _platform_settings(settings, owner))
    return Parts(
        platform=platform,
        store=store,
        providers=providers,
        outbound=outbound,
        extractor=extractor,
        index=index,
        tracer=tracer,
    )


def _tracer(settings: Settings) -> OtlpTracer | None:
    if not settings.otel_endpoint:
        return None
    return open_tracer(settings.otel_endpoint, version=__version__, with_content=settings.otel_content)


def _platform_settings(settings: Settings, owner: str) -> PlatformSettings:
    limits = RunLimits(
        steps_max=settings.run_steps_max,
        tool_calls_max=settings.run_tool_calls_max,
        tokens_max=settings.run_tokens_max,
        duration_s_max=settings.run_duration_s_max,
        cost_usd_max=settings.run_cost_usd_max,
    )
    runs = RunSettings(
        owner=owner + new_id("p"),
        lease_s=settings.lease_s,
        active_runs_max=settings.max_active_runs,
        limits=limits,
    )
    return PlatformSettings(
        runs=runs,
        model_fallback_is_error=settings.model_fallback_is_error,
        token_lifetime_s=settings.token_lifetime_s,
        daily_calls_max=settings.daily_calls_max,
    )


def create_app(settings: Settings) -> Starlette:
    """Return the application over an open database. Blocking; raises DataFolderBusyError.

    It holds the data folder's lock from now on; its lifespan begins the background work and in the end closes all.
    """
    held = contextlib.ExitStack()
    held.enter_context(data_folder(settings.data))
    parts = build(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
        with held:
            # Only with the embedded database does the lock of the data folder say that no other server is alive.
            await parts.platform.open(takes_over=None if settings.database_url else _OWNER)
            try:
                yield
            finally:
                await parts.close(grace_s=settings.shutdown_grace_s)

    app = Starlette(lifespan=lifespan)
    app.state.platform = parts.platform
    mount(app, parts.platform, settings)
    return app


def mount(app: Starlette, platform: Platform, settings: Settings) -> None:
    """Put every contract in front of the platform."""
    routes = app.router.routes
    routes += wabee.router(platform, heartbeat_s=settings.heartbeat_s, upload_size_max=settings.upload_size_max).routes
    routes += wizchat.router(platform).routes
    chat = wisebot.mount(
        app,
        platform,
        allowed_origins=settings.widget_origins,
        heartbeat_s=settings.heartbeat_s,
        public_url=settings.public_url,
    )
    routes += console.router(platform).routes
    if settings.metrics_token:
        routes += metrics.router(platform, token=settings.metrics_token).routes
    parts = [wabee.described, wisebot.described, wizchat.described]
    routes += openapi.route(routes, parts=parts, title="Trivium", version=__version__).routes
    http.install(
        app,
        [wabee.DIALECT, wisebot.DEVICE_DIALECT, wisebot.DIALECT, *wizchat.DIALECTS, wisebot.UNCLAIMED],
        body_size_max=settings.body_size_max,
        direct=[wabee.direct(platform, heartbeat_s=settings.heartbeat_s), chat],
    )


def serve(
    settings: Settings,
    *,
    on_open: Callable[[Platform, int], Awaitable[None]] | None = None,
    on_ready: Callable[[Platform, int], None] | None = None,
) -> int:
    """Serve until a signal says stop; returns the exit status. Both calls get the platform and the real port.

    `on_open` is awaited before anybody can connect; `on_ready` is called on the event loop, once connections are
    accepted.
    """
    listener = bind(settings.host, settings.port)
    port = int(listener.getsockname()[1])
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        timeout_graceful_shutdown=max(1, int(settings.shutdown_grace_s)),
        server_header=False,
    )

    async def opened() -> None:
        if on_open is not None:
            await on_open(app.state.platform, port)

    def ready() -> None:
        settle()
        if on_ready is not None:
            on_ready(app.state.platform, port)

    server = Server(config, listener, on_open=opened, on_ready=ready)
    # Uvicorn raises the signal again once it has stopped in good order.
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else 1
