"""`trivium doctor`: what is wrong with this machine, these settings or this data folder, and what to do."""

import fcntl
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from trivium.cli._options import NOTHING, Common
from trivium.cli._output import FAILED, show_record
from trivium.settings import Settings, load

_FREE_MIN_BYTES = 200 << 20
_FILES_MIN = 1024
_WAIT_S = 5.0
_LATE_S = 600.0
_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; `advice` says what to do about it."""

    check: str
    state: Literal["ok", "warn", "fail"]
    message: str
    advice: str = ""


def doctor(*, common: Common = NOTHING) -> int:
    """Check the machine, the settings and the data folder; ends with 1 when something fails. Changes nothing.

    Example: trivium doctor --data /srv/trivium
    """
    loaded = load(config=common.config, options={"data": common.data})
    findings = [Finding(check="settings", state="warn", message=one, advice="Unset it.") for one in loaded.warnings]
    findings = findings or [Finding(check="settings", state="ok", message=_changed(loaded.sources))]
    for check in _CHECKS:
        findings.extend(check(loaded.settings))
    failed = any(one.state == "fail" for one in findings)
    if common.form == "name":
        print("".join(f"{one.check}\n" for one in findings if one.state != "ok"), end="")
    elif common.form != "table":
        show_record({"ok": not failed, "findings": [asdict(one) for one in findings]}, form=common.form, main="ok")
    else:
        for one in findings:
            advice = f"\n      {one.advice}" if one.advice else ""
            print(f"{_MARKS[one.state]}  {one.check}: {one.message}{advice}")
    return FAILED if failed else 0


def _changed(sources: Mapping[str, str]) -> str:
    named = [f"{name} ({source})" for name, source in sources.items() if source != "default"]
    return ", ".join(named) or "all at their defaults"


def _machine(settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(check="python", state="ok", message=version)
    try:
        import resource
    except ImportError:
        return
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    is_low = 0 <= limit < _FILES_MIN
    yield Finding(
        check="open files",
        state="warn" if is_low else "ok",
        message=f"up to {limit}",
        advice="Every stream needs one. Raise the limit: ulimit -n 65536" if is_low else "",
    )


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.database_url:
        yield _server_database(settings)
        return
    from pysqlite3 import dbapi2

    from trivium.adapters.sql.migrate import HEAD, is_current

    yield Finding(check="sqlite", state="ok", message=str(dbapi2.sqlite_version))
    path = settings.database_path
    if not path.exists():
        yield Finding(
            check="database", state="warn", message=f"{path} is missing.", advice="trivium migrate, or start."
        )
        return
    connection = dbapi2.connect(f"file:{path}?mode=ro", uri=True, timeout=_WAIT_S)
    try:
        problems = [row[0] for row in connection.execute("PRAGMA quick_check(5)").fetchall() if row[0] != "ok"]
        current = is_current(connection)
    except dbapi2.DatabaseError as error:
        problems, current = [str(error)], True
    finally:
        connection.close()
    if problems:
        yield Finding(check="database", state="fail", message="; ".join(problems), advice="Restore a backup.")
    elif not current:
        yield Finding(check="database", state="warn", message="The schema is not current.", advice="trivium migrate")
    else:
        yield Finding(check="database", state="ok", message=f"{path}, schema {HEAD}")


def _work(settings: Settings) -> Iterator[Finding]:
    """Look for work that nobody does, and for what was given up."""
    path = settings.database_path
    if settings.database_url or not path.exists():
        return
    from pysqlite3 import dbapi2

    late = int((time.time() - _LATE_S) * 1_000_000)
    connection = dbapi2.connect(f"file:{path}?mode=ro", uri=True, timeout=_WAIT_S)
    try:
        waiting = connection.execute(
            "SELECT count(*) FROM jobs WHERE status='queued' AND due_at < ?", (late,)
        ).fetchone()
        jobs = connection.execute("SELECT count(*) FROM jobs WHERE status='dead'").fetchone()
        deliveries = connection.execute("SELECT count(*) FROM deliveries WHERE status='dead'").fetchone()
    except dbapi2.DatabaseError:
        return  # what is wrong with it was told above
    finally:
        connection.close()
    is_running = _is_locked(settings)
    yield Finding(check="server", state="ok", message="runs on this folder" if is_running else "does not run")
    if waiting[0] and is_running:
        advice = "Look at the server's log; trivium worker adds a process for such work."
        yield Finding(check="background work", state="warn", message=f"{waiting[0]} jobs are late", advice=advice)
    elif jobs[0]:
        advice = "Look at the server's log for why."
        yield Finding(check="background work", state="warn", message=f"{jobs[0]} jobs were given up", advice=advice)
    else:
        yield Finding(check="background work", state="ok", message="nothing is late")
    if deliveries[0]:
        advice = "See them with: trivium deliveries list --status dead; send one again: trivium deliveries resend ID"
        message = f"{deliveries[0]} deliveries were given up"
        yield Finding(check="deliveries", state="warn", message=message, advice=advice)


def _is_locked(settings: Settings) -> bool:
    lock = settings.data / "server.lock"
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _server_database(settings: Settings) -> Finding:
    from trivium.adapters.sql.migrate import HEAD, is_current

    try:
        import psycopg
    except ImportError:
        advice = "Install it: pip install 'trivium[postgres]'"
        return Finding(check="database", state="fail", message="PostgreSQL needs its driver.", advice=advice)
    try:
        with psycopg.connect(settings.database_url, connect_timeout=int(_WAIT_S)) as connection:
            current, version = is_current(connection), connection.info.server_version
    except psycopg.Error as error:
        # The message of the driver may hold the address with its password.
        message = f"database_url cannot be reached: {type(error).__name__}."
        return Finding(check="database", state="fail", message=message, advice="Check TRIVIUM_DATABASE_URL.")
    if not current:
        return Finding(
            check="database", state="warn", message="The schema is not current.", advice="trivium migrate, or start."
        )
    return Finding(check="database", state="ok", message=f"PostgreSQL {version // 10_000}, schema {HEAD}")


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data
    if not folder.is_dir():
        yield Finding(check="data folder", state="warn", message=f"{folder} is missing; a start makes it.")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(check="data folder", state="fail", message=f"{folder} is not writable.", advice=f"chown {folder}")
        return
    open_to_all = bool(folder.stat().st_mode & 0o077)
    yield Finding(
        check="data folder",
        state="warn" if open_to_all else "ok",
        message=f"{folder}{' may be read by others' if open_to_all else ''}",
        advice=f"chmod 700 {folder}" if open_to_all else "",
    )
    free = shutil.disk_usage(folder).free
    is_low = free < _FREE_MIN_BYTES
    advice = "Free some space: nothing can be stored on a full disk." if is_low else ""
    yield Finding(check="disk", state="fail" if is_low else "ok", message=f"{free >> 20:,} MiB free", advice=advice)


def _keys(settings: Settings) -> Iterator[Finding]:
    from trivium.adapters.secrets.keyring import open_keyring

    path = settings.key_path
    if not path.exists():
        missing = settings.database_path.exists()
        message = f"{path} is missing{': stored secrets cannot be opened' if missing else '; a start makes it'}."
        yield Finding(
            check="key file",
            state="fail" if missing else "warn",
            message=message,
            advice="Restore it from a backup." if missing else "",
        )
        return
    try:
        keyring = open_keyring(path)
    except (OSError, ValueError) as error:
        yield Finding(check="key file", state="fail", message=str(error))
        return
    yield Finding(check="key file", state="ok", message=f"{path}, {len(keyring.roots)} key(s)")


def _address(settings: Settings) -> Iterator[Finding]:
    where = f"{settings.host}:{settings.port}"
    if not settings.port:
        return
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            message = f"{where} cannot be listened on: {error.strerror}."
            advice = "Fine if that is Trivium; otherwise choose another port with --port."
            yield Finding(check="address", state="warn", message=message, advice=advice)
            return
    yield Finding(check="address", state="ok", message=f"{where} is free")


def _model(settings: Settings) -> Iterator[Finding]:
    if not settings.model_base_url:
        message = "none configured: agents quote from their files"
        advice = "For written answers set TRIVIUM_MODEL_BASE_URL and TRIVIUM_MODEL."
        yield Finding(check="language model", state="ok", message=message, advice=advice)
        return
    url = settings.model_base_url.rstrip("/") + "/models"
    if urlsplit(url).scheme not in ("http", "https"):
        yield Finding(check="language model", state="fail", message="model_base_url is no http address.")
        return
    headers = {"authorization": f"Bearer {settings.model_api_key}"} if settings.model_api_key else {}
    try:
        # The operator's own address, asked the way the server asks it: without a proxy.
        with build_opener(ProxyHandler({})).open(Request(url, headers=headers), timeout=_WAIT_S) as answer:  # noqa: S310 - scheme checked above
            yield Finding(check="language model", state="ok", message=f"{url} answers {answer.status}")
    except HTTPError as error:
        refused = error.code in (401, 403)
        yield Finding(
            check="language model",
            state="fail" if refused else "warn",
            message=f"{url} answers {error.code}.",
            advice="Check TRIVIUM_MODEL_API_KEY." if refused else "It may lack a list of models and work all the same.",
        )
    except (URLError, OSError, ValueError) as error:
        advice = "Check TRIVIUM_MODEL_BASE_URL, and that the model server runs."
        yield Finding(check="language model", state="fail", message=f"{url}: {error}", advice=advice)


_CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _machine,
    _folder,
    _database,
    _work,
    _keys,
    _address,
    _model,
)
