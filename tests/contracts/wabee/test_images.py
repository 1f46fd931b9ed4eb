"""Pictures on their way to the model; the contract's own example runs as printed."""

import base64
import io
import time
from typing import Any

import pytest
from PIL import Image

from tests.contracts.site import Site
from tests.contracts.wabee.client import Wabee, wabee
from trivium.core.errors import NotFound
from trivium.core.model.budgets import Budget

pytestmark = pytest.mark.server
# Printed in the contract: a cut PNG.
EXAMPLE = (
    "iVBORw0KGgoAAAANSUhEUgAAABgAAAAYCAYAAADgdz34AAAABHNCSVQICAgIfAhkiAAAAAlwSFlzAAALEgAACxIB0t1+/AAAADl0RVh0U29m"
    "dHdhcmUAbWF0cGxvdGxpYiB2ZXJzaW9uMy4xLjEsIGh0dHA6Ly9tYXRwbG90bGliLm9yZy+AADFEAAAgAElEQVR4nOydd3gU5f7/3+9z"
)


def picture(size: tuple[int, int] = (30, 20)) -> str:
    stored = io.BytesIO()
    Image.effect_noise(size, 50).save(stored, "PNG")
    return base64.b64encode(stored.getvalue()).decode()


def ask(plant: Wabee, *images: dict) -> list[tuple[int, int]]:
    """Ask with images and return the sizes of those that were stored with the run."""
    body = {"messages": [{"role": "user", "content": "What is it?"}], "images": [*images]}
    answer = plant.http.post("/core/v1/chain", json=body)
    assert answer.status_code == 200, answer.text
    run_id = answer.headers["run-id"]
    run = plant.site.run(plant.site.platform.runs.get(plant.agent.organization_id, run_id))
    for image in run.input.images:
        stored = plant.site.run(plant.site.platform.blobs.get(image.blob_key))
        assert Image.open(io.BytesIO(stored)).size == (image.width_px, image.height_px)
    return [(image.width_px, image.height_px) for image in run.input.images]


def test_five_images_in_every_spelling_reach_the_run(site: Site) -> None:
    with wabee(site) as plant:
        data = picture()
        url_safe = data.replace("+", "-").replace("/", "_").rstrip("=")
        spelt = [data, f"data:image/png;base64,{data}", url_safe, "\n".join([data[:40], data[40:]]), EXAMPLE]
        assert ask(plant, *({"type": "base64", "content": one} for one in spelt)) == [(30, 20)] * 4 + [(24, 24)]


def test_with_a_conversation_its_pictures_go(site: Site) -> None:
    with wabee(site) as plant:
        body = {
            "messages": [{"role": "user", "content": "What?"}],
            "images": [{"type": "base64", "content": picture()}],
        }
        answer = plant.http.post("/core/v1/chain", json=body)
        run = site.run(site.platform.runs.get(plant.agent.organization_id, answer.headers["run-id"]))
        (stored,) = run.input.images
        assert site.run(site.platform.blobs.get(stored.blob_key))
        assert plant.http.delete(f"/core/v1/sessions/{answer.headers['session-id']}").status_code == 204
        deadline = time.monotonic() + 20
        while not is_gone(site, stored.blob_key):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_pictures_of_a_request_that_is_refused_are_not_kept(site: Site) -> None:
    with wabee(site) as plant:
        used_up = (Budget(requests_max=1),)
        secret = site.key(plant.agent.organization_id, agent_ids=[plant.agent.id], budgets=used_up)
        image = {"type": "base64", "content": picture()}
        body = {"messages": [{"role": "user", "content": "What is it?"}], "images": [image]}
        headers = {"x-wabee-access": secret}
        assert plant.http.post("/core/v1/chain", json=body, headers=headers).status_code == 200
        before = kept(site, plant)
        assert plant.http.post("/core/v1/chain", json=body, headers=headers).status_code == 429
        assert len(before) == 1
        assert kept(site, plant) == before


def kept(site: Site, plant: Wabee) -> set[str]:
    blobs: Any = site.platform.blobs
    return {
        path.name for path in blobs._folder.rglob("*") if path.is_file() and plant.agent.organization_id in str(path)
    }


def is_gone(site: Site, blob_key: str) -> bool:
    try:
        site.run(site.platform.blobs.get(blob_key))
    except NotFound:
        return True
    return False


def test_a_file_of_the_agent_is_an_image_too(site: Site) -> None:
    with wabee(site) as plant:
        content = base64.b64decode(picture((11, 12)))
        plant.http.post("/core/v1/files", files={"file": ("p.png", content)}, data={"path": "inputs/p.png"})
        assert ask(plant, {"type": "file_path", "content": "inputs/p.png"}) == [(11, 12)]


def test_the_example_of_the_contract_runs_as_printed(site: Site) -> None:
    body = {
        "messages": [{"content": "What is the economic outlook?", "role": "user"}],
        "data_filter_hints": [
            {"filter_key": "unitname", "filter_type": "equals", "filter_value": "Unit 1", "tool_name": "bubble_data"}
        ],
        "context_files": ["inputs/chat-files/test123/file.pdf"],
        "images": [{"content": EXAMPLE, "type": "base64"}],
    }
    with wabee(site) as plant:
        upload = {"file": ("file.pdf", b"The outlook is fair.", "text/plain")}
        plant.http.post("/core/v1/files", files=upload, data={"path": "inputs/chat-files/test123/file.pdf"})
        answer = plant.http.post("/core/v1/chain", json=body, headers={"session-id": ""})
    assert answer.status_code == 200
    assert answer.json()["body"]["input"] == "What is the economic outlook?"
