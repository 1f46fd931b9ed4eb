"""`trivium backup` and `trivium restore`: the data folder in one file."""

import contextlib
import fcntl
import json
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from trivium.cli._options import NOTHING, Common
from trivium.cli._output import CONFIGURATION, USAGE, StopError, say, show_record
from trivium.cli.remote_progress import Bar
from trivium.settings import Settings

_FORMAT = "trivium-backup-1"
_MANIFEST = "manifest.json"
_MANIFEST_SIZE_MAX = 65_536
_LOCKS = frozenset({"server.lock", "migrate.lock"})


def backup(
    file: Annotated[Path, Parameter(help="File to write, such as trivium.tar.gz.")], /, *, common: Common = NOTHING
) -> None:
    """Write the data folder into one file (mode 0600), beside a running server too.

    The database is copied as of one moment, the files after it. The backup holds the root keys and demo.env: whoever
    has it can open every stored secret.

    Example: trivium backup /backups/trivium.tar.gz --data /srv/trivium
    """
    settings = common.settings()
    if settings.database_url:
        message = "The database is on a PostgreSQL server."
        hint = "Back it up with pg_dump, and copy the data folder."
        raise StopError(message, hint=hint, status=USAGE, code="not_embedded")
    if not settings.database_path.exists():
        raise _no_database(settings)
    if file.exists():
        raise StopError(f"{file} exists.", hint="Name another file.", status=USAGE, code="file_exists")
    try:
        count = _write(settings, file)
    except OSError as error:
        raise StopError(f"{file} cannot be written: {error.strerror}.", code="write_failed") from error
    record = {"file": str(file), "files": count, "size_bytes": file.stat().st_size}
    show_record(record, form=common.form, main="file", note=f"{count} files, {record['size_bytes']:,} bytes")


def restore(
    file: Annotated[Path, Parameter(help="File that `trivium backup` wrote.")],
    /,
    *,
    yes: Annotated[bool, Parameter(help="Replace what is in the data folder without asking.")] = False,
    common: Common = NOTHING,
) -> None:
    """Make the data folder from a backup. What is there already is replaced, after asking; the server must not run.

    Example: trivium restore /backups/trivium.tar.gz --data /srv/trivium
    """
    settings = common.settings()
    folder = settings.data
    if not file.is_file():
        raise StopError(f"There is no file {file}.", code="no_file")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        manifest = _unpack(file, draft)
        _verify(draft, file)
        with _alone(folder):
            _ask(folder, is_agreed=yes)
            _swap(draft, folder)
    except OSError as error:
        raise StopError(f"{file} cannot be restored: {error.strerror or error}.", code="restore_failed") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    record = {"data": str(folder), "created_at": manifest["created_at"], "version": manifest["version"]}
    show_record(record, form=common.form, main="data", note=f"As of {record['created_at']}.")


def _write(settings: Settings, file: Path) -> int:
    from trivium import __version__

    with tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.data) as scratch:
        snapshot = Path(scratch) / "trivium.db"
        _copy_database(settings.database_path, snapshot)
        manifest = {"format": _FORMAT, "version": __version__, "created_at": datetime.now(UTC).isoformat()}
        listed = Path(scratch) / _MANIFEST
        listed.write_text(json.dumps(manifest), "utf-8")
        draft = file.with_name(f".{file.name}.part")
        try:
            # Opened first, so that the secrets in it are never readable by others.
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
                count = _pack(raw, [(listed, _MANIFEST), (snapshot, "trivium.db"), *_files(settings, file)])
                raw.flush()
                os.fsync(raw.fileno())
            draft.rename(file)
        finally:
            draft.unlink(missing_ok=True)
    return count


def _pack(raw: Any, files: "list[tuple[Path, str]]") -> int:
    count, done = 0, 0
    total = sum(path.stat().st_size for path, _ in files if path.exists())
    with Bar("backup", unit="B") as bar, tarfile.open(fileobj=raw, mode="w:gz", compresslevel=5) as archive:
        for path, name in files:
            try:
                archive.add(path, name, recursive=False)
            except FileNotFoundError:
                # Deleted by the running server since it was listed; the copied database may still name it.
                print(f"trivium: {name} is gone and was left out.", file=sys.stderr)
                continue
            count += 1
            done += path.stat().st_size if path.exists() else 0
            bar(done, total)
    return count


def _copy_database(source: Path, target: Path) -> None:
    from pysqlite3 import dbapi2

    reading, writing = dbapi2.connect(str(source), timeout=30), dbapi2.connect(str(target))
    try:
        # All pages from one snapshot; in WAL mode that keeps nobody from writing.
        reading.backup(writing)
    finally:
        writing.close()
        reading.close()


def _files(settings: Settings, backup_file: Path) -> Iterator[tuple[Path, str]]:
    left_out = {settings.database_path.name + end for end in ("", "-wal", "-shm", "-journal")} | _LOCKS
    for path in sorted(settings.data.rglob("*")):
        relative = path.relative_to(settings.data)
        is_ours = not any(part.startswith(".") for part in relative.parts) and path.is_file() and not path.is_symlink()
        if is_ours and str(relative) not in left_out and path.absolute() != backup_file.absolute():
            yield path, relative.as_posix()
    if settings.key_path.exists() and not settings.key_path.absolute().is_relative_to(settings.data.absolute()):
        yield settings.key_path, "secret.keys"


def _unpack(file: Path, folder: Path) -> dict[str, str]:
    try:
        with tarfile.open(file, "r:gz") as archive:
            first = archive.next()
            content = archive.extractfile(first) if first is not None and first.name == _MANIFEST else None
            manifest = json.loads(content.read(_MANIFEST_SIZE_MAX)) if content else {}
            if manifest.get("format") != _FORMAT:
                raise StopError(f"{file} is no backup of Trivium.", status=USAGE, code="not_a_backup")
            # The filter refuses paths that lead out of the folder, links and devices.
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise StopError(f"{file} is no backup of Trivium: {error}.", status=USAGE, code="not_a_backup") from error
    (folder / _MANIFEST).unlink()
    return {name: str(manifest.get(name, "unknown")) for name in ("created_at", "version")}


def _verify(folder: Path, file: Path) -> None:
    """Refuse a backup whose database is damaged or whose keys cannot be read, before anything is replaced by it."""
    from pysqlite3 import dbapi2

    from trivium.adapters.secrets.keyring import open_keyring

    try:
        connection = dbapi2.connect(f"file:{folder / 'trivium.db'}?mode=ro", uri=True)
        try:
            problems = [row[0] for row in connection.execute("PRAGMA quick_check(3)").fetchall() if row[0] != "ok"]
        finally:
            connection.close()
        open_keyring(folder / "secret.keys")
    except (dbapi2.DatabaseError, OSError, ValueError) as error:
        problems = [str(error)]
    if problems:
        message = f"{file} is damaged: {'; '.join(problems)}"
        raise StopError(message, hint="Nothing was replaced. Use another backup.", code="damaged")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock that a server on this folder holds; stops when one runs."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = f"A server uses {folder}."
            raise StopError(message, hint="Stop it, or name another folder with --data.", code="in_use") from error
        yield


def _ask(folder: Path, *, is_agreed: bool) -> None:
    if is_agreed or not any(path.name not in _LOCKS for path in folder.iterdir()):
        return
    if sys.stdin is not None and sys.stdin.isatty():
        say(f"{folder} is not empty; everything in it will be replaced.")
        if input("Replace it? [y/N] ").strip().lower() in ("y", "yes"):
            return
    raise StopError(f"{folder} is not empty.", hint="Give --yes to replace it.", status=USAGE, code="not_empty")


def _swap(draft: Path, folder: Path) -> None:
    # The old content is moved aside and deleted last: a failure half-way loses nothing.
    aside = draft.with_name(draft.name + "-old")
    aside.mkdir(mode=0o700)
    for path in list(folder.iterdir()):
        if path.name not in _LOCKS:
            path.rename(aside / path.name)
    for path in list(draft.iterdir()):
        path.rename(folder / path.name)
    (folder / "secret.keys").chmod(0o600)
    shutil.rmtree(aside)


def _no_database(settings: Settings) -> StopError:
    return StopError(
        f"There is no database in {settings.data}.",
        hint="Name the data folder with --data.",
        status=CONFIGURATION,
        code="no_database",
    )
