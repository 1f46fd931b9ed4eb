"""`migrate`, `doctor`, `backup` and `restore`."""

import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.cli.conftest import Command


def test_migrate_makes_a_folder_for_nobody_else(trivium: Command, data: Path) -> None:
    assert trivium("migrate", "--json").json["changed"] is True
    assert trivium("migrate", "--json").json["changed"] is False
    assert data.stat().st_mode & 0o777 == 0o700


def test_doctor_finds_nothing_wrong_with_a_new_folder(trivium: Command) -> None:
    trivium("admin", "org", "create", "Mine")
    outcome = trivium("doctor", "--json")
    assert outcome.status == 0
    assert {one["state"] for one in outcome.json["findings"]} <= {"ok", "warn"}


def test_doctor_says_what_is_wrong_and_what_to_do(trivium: Command, data: Path) -> None:
    trivium("admin", "org", "create", "Mine")
    (data / "secret.keys").unlink()
    (data / "trivium.db").write_bytes(b"no database" * 1000)
    outcome = trivium("doctor", "--json")
    assert outcome.status == 1
    failed = {one["check"]: one["advice"] for one in outcome.json["findings"] if one["state"] == "fail"}
    assert failed == {"database": "Restore a backup.", "key file": "Restore it from a backup."}


def test_doctor_tells_of_work_that_was_given_up(trivium: Command, data: Path) -> None:
    from pysqlite3 import dbapi2

    trivium("admin", "org", "create", "Mine")
    said = {one["check"]: one["message"] for one in trivium("doctor", "--json").json["findings"]}
    assert (said["server"], said["background work"]) == ("does not run", "nothing is late")
    connection = dbapi2.connect(str(data / "trivium.db"))
    columns = [row[1] for row in connection.execute("PRAGMA table_info(deliveries)")]
    values = {"status": "dead", "id": "dlv_1", "created_at": 0, "next_attempt_at": 0, "attempt": 10}
    row = [values.get(name, "") for name in columns]
    connection.execute(f"INSERT INTO deliveries VALUES ({','.join('?' * len(row))})", row)
    connection.commit()
    connection.close()
    outcome = trivium("doctor")
    assert "warn  deliveries: 1 deliveries were given up\n      See them with: trivium deliveries list" in outcome.out


def test_a_backup_brings_everything_back(trivium: Command, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    trivium("admin", "org", "create", "Mine")
    (data / "blobs").mkdir()
    (data / "blobs" / "one").write_bytes(b"content")
    key = trivium("admin", "key", "create", "--org", "Mine", "--kind", "wabee", "--json").json
    assert trivium("backup", str(file)).line == str(file)
    assert file.stat().st_mode & 0o777 == 0o600
    trivium("admin", "key", "revoke", key["id"])
    assert trivium("restore", str(file)).status == 2
    assert trivium("restore", str(file), "--yes").line == str(data)
    (restored,) = trivium("admin", "key", "list", "--json").json["keys"]
    assert restored["revoked_at"] is None
    assert (data / "blobs" / "one").read_bytes() == b"content"
    assert (data / "secret.keys").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar.gz", "data"]


def test_a_damaged_backup_replaces_nothing(trivium: Command, data: Path, tmp_path: Path) -> None:
    trivium("admin", "org", "create", "Mine")
    good, bad = tmp_path / "good.tar.gz", tmp_path / "bad.tar.gz"
    assert trivium("backup", str(good)).status == 0
    with tarfile.open(good) as source, tarfile.open(bad, "w:gz") as target:
        for info in source:
            content = source.extractfile(info)
            assert content is not None
            kept = content.read()
            if info.name == "trivium.db":
                kept = kept[:5000] + b"x" * (len(kept) - 5000)
            target.addfile(info, BytesIO(kept))
    refused = trivium("restore", str(bad), "--yes")
    assert (refused.status, "is damaged" in refused.err) == (1, True)
    assert trivium("admin", "org", "list", "-o", "name").line


def test_a_backup_overwrites_nothing(trivium: Command, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    assert trivium("backup", str(file)).status == 3
    trivium("migrate")
    assert trivium("backup", str(file)).status == 0
    before = file.read_bytes()
    assert trivium("backup", str(file)).status == 2
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["../outside", "blobs/../../outside"])
def test_a_backup_that_leads_out_of_the_folder_is_refused(
    trivium: Command, data: Path, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "backup.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for path, content in (("manifest.json", b'{"format": "trivium-backup-1"}'), (name, b"x")):
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, BytesIO(content))
    outcome = trivium("restore", str(file))
    assert outcome.status == 2
    assert "is no backup" in outcome.err
    assert not data.exists()
    assert not (tmp_path / "outside").exists()


def test_what_is_no_backup_is_refused(trivium: Command, tmp_path: Path) -> None:
    file = tmp_path / "photo.tar.gz"
    file.write_bytes(b"no archive")
    assert trivium("restore", str(file)).status == 2
    assert trivium("restore", str(tmp_path / "missing")).status == 1


def test_a_database_on_a_server_is_used_like_the_embedded_one(
    trivium: Command, data: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRIVIUM_DATABASE_URL", postgres_url)
    assert trivium("migrate", "--json").json["changed"] is True
    assert trivium("migrate", "--json").json["changed"] is False
    trivium("admin", "org", "create", "Mine")
    made = trivium("admin", "key", "create", "--org", "Mine", "--kind", "wabee", "--json").json
    assert trivium("admin", "key", "revoke", made["id"], "--json").json["revoked_at"]
    assert not (data / "trivium.db").exists()
    assert trivium("doctor", "--json").status == 0
    assert "pg_dump" in trivium("backup", str(tmp_path / "backup.tar.gz")).err


def test_an_unreachable_database_shows_no_password(trivium: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVIUM_DATABASE_URL", "postgresql://ann:hidden@127.0.0.1:1/none")
    for words in (("migrate",), ("serve",), ("doctor",), ("admin", "org", "list")):
        outcome = trivium(*words)
        assert outcome.status in (1, 3)
        assert "hidden" not in outcome.out + outcome.err
