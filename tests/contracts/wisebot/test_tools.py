"""The tools of section 6, from the dashboard to the visitor's stream."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.contracts.wisebot.office import Office, error_of
from trivium.core.model.json import JSONObject

Make = Callable[..., Office]


def _call(tool: str, /, **tool_input: Any) -> JSONObject:
    return {"tool_calls": [{"name": tool, "input": tool_input}]}


def _with(office: Office, *tools: Any) -> Any:
    answer = office.api.patch(f"/api/v1/agents/{office.agent.id}", json={"tools": [*tools]})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _results(office: Office) -> dict[str, Any]:
    events = office.ask(office.session(), "please")
    found = [event for event in events if event["type"] == "tool-result"]
    assert not [event for event in found if event["isError"]], found
    return {event["toolName"]: event["output"] for event in found}


def test_tools_that_are_not_there_are_told(office: Office) -> None:
    body = {
        "name": "x",
        "model": "y",
        "tools": [{"type": "web_search"}, {"type": "computer_use"}, {"type": "run_code"}],
    }
    made = office.api.post("/api/v1/agents", json=body)
    assert made.status_code == 201
    search, computer, code = made.json()["tools"]
    assert (search["status"], "search_url" in search["statusReason"]) == ("unavailable", True)
    assert computer["status"] == "unavailable"
    assert code == {"type": "run_code"}
    # What was answered may be sent back.
    path = f"/api/v1/agents/{made.json()['id']}"
    assert office.api.patch(path, json={"tools": made.json()["tools"]}).json()["tools"] == made.json()["tools"]


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "book_appointment", "config": {"timeZone": "Mars/Base"}},
        {"type": "book_appointment", "config": {"hours": {"someday": ["9:00-10:00"]}}},
        {"type": "http", "config": {"name": "x"}},
        {"type": "http", "config": {"name": "x", "url": "https://{{host}}/"}},
        {"type": "http", "config": {"name": "x", "url": "https://[::1"}},
        {"type": "http", "config": {"name": "x", "url": "https://example.test:port/"}},
        {"type": "http", "config": {"name": "x", "url": "https://example.test", "rateLimitPerMin": "many"}},
    ],
)
def test_tool_that_could_never_work_is_400(office: Office, tool: Any) -> None:
    body = error_of(office.api.post("/api/v1/agents", json={"name": "x", "model": "y", "tools": [tool]}), 400)
    assert body["details"]["place"] == "tools[0].config"


def test_settings_are_spelt_as_in_the_contract(office: Office) -> None:
    config = {"name": "x", "url": "https://example.test", "rateLimitPerMin": 30, "failureText": "Sorry."}
    hours = {"timeZone": "Europe/Berlin", "durationMinutes": 45, "hours": {"mon": ["09:00-12:00"]}}
    tools = [{"type": "http", "config": config}, {"type": "book_appointment", "config": hours}]
    assert _with(office, *tools)["tools"] == tools


def test_visitor_gets_the_pdf_and_the_deck(make_office: Make) -> None:
    slides = [{"title": "One", "lines": ["a", "b"]}]
    office = make_office(
        _call("create_pdf", title="Your offer", text="# Offer\n\n5 €"),
        _call("create_deck", title="Plan", slides=slides),
        {"text": "There you are."},
    )
    _with(office, {"type": "create_pdf"}, {"type": "create_deck"})
    made = _results(office)
    assert made["create_deck"]["slideCount"] == 2
    with httpx2.Client(base_url=office.site.url) as anybody:
        pdf = anybody.get(made["create_pdf"]["fileUrl"])
        deck = anybody.get(made["create_deck"]["fileUrl"])
        assert anybody.get("/files/made_0123456789/x.pdf").status_code == 404
    assert (pdf.status_code, pdf.headers["content-type"], pdf.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert "Your%20offer.pdf" in pdf.headers["content-disposition"]
    assert "ppt/slides/slide2.xml" in zipfile.ZipFile(io.BytesIO(deck.content)).namelist()


def test_made_files_are_deleted_with_their_conversation(make_office: Make) -> None:
    office = make_office(_call("create_pdf", title="Your offer", text="5 €"), {"text": "There you are."})
    _with(office, {"type": "create_pdf"})
    address = _results(office)["create_pdf"]["fileUrl"]
    (conversation,) = office.api.get("/api/v1/inbox").json()["conversations"]
    with httpx2.Client(base_url=office.site.url) as anybody:
        assert anybody.get(address).status_code == 200
        office.site.run(office.platform.conversations.delete(office.organization_id, conversation["id"]))
        assert anybody.get(address).status_code == 404


def test_agent_runs_code(make_office: Make) -> None:
    office = make_office(_call("run_code", source="sum(inputs['n'])", inputs={"n": [1, 2]}), {"text": "3"})
    _with(office, {"type": "run_code"})
    assert _results(office)["run_code"] == {"value": 3, "printed": ""}


def test_pictures_are_found_by_name_and_folder(make_office: Make) -> None:
    office = make_office(_call("image_search", query="a red chair"), {"text": "Here."})
    _with(office, {"type": "image_search"})
    stored = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(stored, "PNG")
    for name in ("chair-red.png", "table.png"):
        files = {"file": (name, stored.getvalue(), "image/png")}
        assert office.api.post("/api/v1/knowledge-files", files=files, data={"folderPath": "Shop"}).status_code == 201
    other = make_office()
    other.api.post("/api/v1/knowledge-files", files={"file": ("red-chair-2.png", stored.getvalue(), "image/png")})
    found = _results(office)["image_search"]["images"]
    assert [one["name"] for one in found] == ["chair-red.png"]
    assert office.api.get(found[0]["url"]).content == stored.getvalue()


def test_appointment_is_booked_listed_and_cancelled(make_office: Make) -> None:
    office = make_office(_call("find_appointments", days=14), {"text": "Which?"})
    _with(office, {"type": "book_appointment", "config": {"noticeMinutes": 0, "timeZone": "Europe/Berlin"}})
    free = _results(office)["find_appointments"]["free"]
    booking = make_office(
        _call("book_appointment", start=free[-1], name="Ada", reach="ada@example.test"), {"text": "Done"}
    )
    _with(booking, {"type": "book_appointment", "config": {"noticeMinutes": 0, "timeZone": "Europe/Berlin"}})
    made = _results(booking)["book_appointment"]
    listed = booking.api.get("/api/v1/bookings").json()["bookings"]
    assert [(one["id"], one["name"], one["contact"]) for one in listed] == [
        (made["booking_id"], "Ada", "ada@example.test")
    ]
    path = f"/api/v1/bookings/{made['booking_id']}/cancel"
    assert booking.api.post(path).json()["status"] == "cancelled"
    assert office.api.get("/api/v1/bookings").json() == {"bookings": []}
    error_of(office.api.post(path), 404)
    with office.site.client() as nobody:
        error_of(nobody.get("/api/v1/bookings"), 401)


def test_tool_that_needs_approval_waits(make_office: Make) -> None:
    office = make_office(_call("run_code", source="1"), {"text": "One."})
    _with(office, {"type": "run_code", "requireApproval": True})
    events = office.ask(office.session(), "please")
    assert [event["toolName"] for event in events if event["type"] == "approval-required"] == ["run_code"]


def test_secrets_of_tools_are_written_listed_and_never_shown(office: Office, make_office: Make) -> None:
    path = f"/api/v1/agents/{office.agent.id}/secrets"
    first = office.api.put(f"{path}/shop", json={"value": "s3cret"})
    assert first.status_code == 200, first.text
    second = office.api.put(f"{path}/shop", json={"value": "other"}).json()
    listed = office.api.get(path)
    assert listed.json() == {"secrets": [second]}
    assert second["fingerprint"] != first.json()["fingerprint"]
    assert "s3cret" not in first.text + listed.text
    assert office.api.delete(f"{path}/shop").status_code == 204
    error_of(office.api.delete(f"{path}/shop"), 404)
    error_of(office.api.put(f"{path}/shop", json={"value": ""}), 400)
    error_of(make_office().api.get(path), 404)
    with office.member() as member:
        error_of(member.get(path), 403)
        error_of(member.put(f"{path}/shop", json={"value": "x"}), 403)
