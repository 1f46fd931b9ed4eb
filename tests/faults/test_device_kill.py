"""A server that is killed between a person's approval and the machine's next question."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2

from tests.faults.served import Killable
from trivium.contracts.wisebot.routes_device import GRANT

PASSWORD = "correct horse battery"


def test_an_approval_survives_a_kill_and_a_used_code_stays_used(tmp_path: Path) -> None:
    server = Killable(tmp_path)
    server.start()
    try:
        organization = server.admin("org", "create", "Acme").strip()
        command = [str(Path(sys.executable).with_name("trivium")), "admin", "user", "create", "ann@example.com"]
        subprocess.run(
            [*command, "--org", organization, "--role", "owner"],
            env={**os.environ, "TRIVIUM_DATA": str(tmp_path)},
            input=PASSWORD,
            text=True,
            capture_output=True,
            check=True,
            timeout=60,
        )
        base = f"http://127.0.0.1:{server.port}"
        people = {"Authorization": f"Bearer {server.admin('token', 'ann@example.com').strip()}"}
        asked = httpx2.post(f"{base}/api/auth/device", data={"client_id": "trivium"}).json()
        approval = httpx2.post(f"{base}/api/v1/device/{asked['user_code']}", json={"approve": True}, headers=people)
        assert approval.status_code == 200
        server.kill()
        server.start()
        fields = {"grant_type": GRANT, "device_code": asked["device_code"]}
        given = httpx2.post(f"{base}/api/auth/device/token", data=fields).json()
        server.kill()
        server.start()
        key = {"Authorization": f"Bearer {given['access_token']}"}
        assert httpx2.get(f"{base}/api/v1/me", headers=key).json()["email"] == "ann@example.com"
        again = httpx2.post(f"{base}/api/auth/device/token", data=fields)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    finally:
        server.stop()
