"""Files of the agent: taken, named, read along, never outside of its root."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.contracts.site import Site
from tests.contracts.wabee.client import Wabee, wabee
from tests.contracts.wabee.test_access import check_envelope

pytestmark = pytest.mark.server


@pytest.fixture
def plant(site: Site) -> Iterator[Wabee]:
    with wabee(site) as opened:
        yield opened


def upload(plant: Wabee, path: str, content: bytes = b"Plant 7 is closed on Fridays.") -> httpx2.Response:
    return plant.http.post("/core/v1/files", files={"file": ("x.txt", content)}, data={"path": path})


def test_files_are_taken_listed_and_deleted(plant: Wabee) -> None:
    made = upload(plant, "inputs/a.txt")
    assert (made.status_code, made.json()) == (201, {"path": "inputs/a.txt", "size": 29})
    unnamed = plant.http.post("/core/v1/files", files={"file": ("own.txt", b"x")})
    assert unnamed.json() == {"path": "own.txt", "size": 1}
    listed = plant.http.get("/core/v1/files").json()["files"]
    assert [file["path"] for file in listed] == ["inputs/a.txt", "own.txt"]
    assert plant.http.delete("/core/v1/files/inputs/a.txt").status_code == 204
    check_envelope(plant.http.delete("/core/v1/files/inputs/a.txt"), 404)


@pytest.mark.parametrize("path", ["../up.txt", "/etc/x", "a/../../b", "x/", "~/x"])
def test_paths_out_of_the_root_are_refused_and_named(plant: Wabee, path: str) -> None:
    assert check_envelope(upload(plant, path), 400)["details"]["path"] == path


def test_a_form_of_another_shape_is_refused(plant: Wabee) -> None:
    check_envelope(plant.http.post("/core/v1/files", json={"file": "x"}), 415)
    check_envelope(plant.http.post("/core/v1/files", files={"other": ("x", b"x")}), 400)
    torn = {"content-type": "multipart/form-data; boundary=b"}
    check_envelope(plant.http.post("/core/v1/files", content=b"--b\r\nnonsense", headers=torn), 400)
    without = {"content-type": "multipart/form-data"}
    check_envelope(plant.http.post("/core/v1/files", content=b"x", headers=without), 400)


def test_a_file_that_is_too_large_is_413(plant: Wabee) -> None:
    check_envelope(upload(plant, "big.bin", b"\x00" * (51 * 1024 * 1024)), 413)
    assert plant.http.get("/core/v1/files").json() == {"files": []}


def test_files_of_another_organization_do_not_exist(site: Site, plant: Wabee) -> None:
    upload(plant, "private.txt")
    with wabee(site) as other:
        assert other.http.get("/core/v1/files").json() == {"files": []}
        check_envelope(other.http.delete("/core/v1/files/private.txt"), 404)
        body = {"messages": [{"role": "user", "content": "x"}], "context_files": ["private.txt"]}
        check_envelope(other.http.post("/core/v1/chain", json=body), 400)


def test_a_context_file_is_read_along_and_shows_in_the_trace(plant: Wabee) -> None:
    upload(plant, "inputs/a.txt")
    body = {"messages": [{"role": "user", "content": "When?"}], "context_files": ["inputs/a.txt"]}
    answer = plant.http.post("/core/v1/chain", json=body, headers={"session-id": "s"})
    assert answer.status_code == 200
    steps = plant.http.get("/core/v1/sessions/s/trace").json()["requests"][0]["steps"]
    assert [step["content"] for step in steps if step["step_name"] == "file_read"] == ["inputs/a.txt: 29 characters"]
    used = plant.http.get("/core/v1/metrics").json()["total_prompt_tokens"]
    assert used > 20


@pytest.mark.parametrize(("name", "kind"), [("inputs/closing.md", "text/markdown"), ("inputs/closing.csv", "text/csv")])
def test_without_a_language_model_the_answer_quotes_the_context_file(site: Site, name: str, kind: str) -> None:
    texts = {
        "text/markdown": b"# Plants\n\nPlant 7 is closed on Fridays.\n\nPlant 8 makes paper.\n",
        "text/csv": b"plant,closed on\nPlant 7,Friday\nPlant 8,Sunday\n",
    }
    with wabee(site, model="extractive/quote") as plant:
        plant.http.post("/core/v1/files", files={"file": ("f", texts[kind], kind)}, data={"path": name})
        body = {"messages": [{"role": "user", "content": "When is plant 7 closed?"}], "context_files": [name]}
        output = plant.http.post("/core/v1/chain", json=body).json()["output"]
        other = {**body, "messages": [{"role": "user", "content": "Who won the football match?"}]}
        refused = plant.http.post("/core/v1/chain", json=other).json()["output"]
    assert name in output
    assert "Friday" in output
    assert "Friday" not in refused
