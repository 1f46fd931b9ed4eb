"""The clients on a bad day, in both colours."""

import io
import uuid

import pytest

from tests.client.conftest import settled
from tests.client.misbehaving import Reply, Server, answer
from trivium_client import (
    AsyncWisebot,
    AsyncWizChat,
    Conflict,
    ConnectionFailed,
    InvalidAnswer,
    MissingConfiguration,
    NotFound,
    RateLimited,
    ServerFailed,
    TimedOut,
    Wisebot,
    WizChat,
)

BOTS = {"chatbots": [{"id": "b1", "name": "One", "somethingNew": 1}]}
FAILURE = {"error": {"code": "internal_error", "message": "It broke."}}


@pytest.fixture(params=[WizChat, AsyncWizChat])
async def wizchat(request, server: Server):
    client = request.param("wpk_live_1", server.url)
    yield client
    await settled(client.close())


async def test_connection_that_breaks_is_tried_again(server: Server, wizchat) -> None:
    server.will(Reply(cut_before_status=True), Reply(cut=True, body=b"{"), answer(BOTS))
    bots = await settled(wizchat.list_chatbots())
    assert [bot.id for bot in bots] == ["b1"]
    assert bots.raw_response.retries == 2


async def test_tries_of_a_post_share_their_keys(server: Server, wizchat) -> None:
    server.will(answer(FAILURE, 503), answer({"chatbot": {"id": "b1", "name": "One"}}, 201))
    await settled(wizchat.create_chatbot("One"))
    first, second = server.asked
    assert uuid.UUID(first.headers["idempotency-key"]).version == 4
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.headers["request-id"] == second.headers["request-id"]


async def test_two_posts_have_different_keys(server: Server, wizchat) -> None:
    server.will(answer({"chatbot": {"id": "b1", "name": "One"}}, 201))
    await settled(wizchat.create_chatbot("One"))
    await settled(wizchat.create_chatbot("One"))
    first, second = server.asked
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


async def test_retry_after_is_honoured(server: Server, wizchat) -> None:
    server.will(answer(FAILURE, 429, retry_after="0.01"), answer(BOTS))
    assert len(await settled(wizchat.list_chatbots())) == 1


async def test_long_retry_after_is_left_to_the_caller(server: Server, wizchat) -> None:
    server.will(answer({"error": {"code": "quota_exceeded", "message": "Used up."}}, 429, retry_after="7200"))
    with pytest.raises(RateLimited) as caught:
        await settled(wizchat.list_chatbots())
    assert (caught.value.code, caught.value.retry_after_s, len(server.asked)) == ("quota_exceeded", 7200, 1)


async def test_error_tells_status_code_details_and_request(server: Server, wizchat) -> None:
    body = {"error": {"code": "not_found", "message": "Chatbot not found.", "details": {"id": "b9"}}}
    server.will(answer(body, 404, request_id="req_7"))
    with pytest.raises(NotFound) as caught:
        await settled(wizchat.get_chatbot("b9"))
    error = caught.value
    assert (error.status, error.code, error.details, error.request_id) == (404, "not_found", {"id": "b9"}, "req_7")
    assert str(error) == "API error 404 [not_found]: Chatbot not found."


async def test_tries_end(server: Server, wizchat) -> None:
    server.will(answer(FAILURE, 500))
    with pytest.raises(ServerFailed):
        await settled(wizchat.list_chatbots())
    assert len(server.asked) == 3


async def test_options_hold_for_the_copy_only(server: Server, wizchat) -> None:
    server.will(answer(FAILURE, 500))
    once = wizchat.with_options(max_retries=0, headers={"X-Team": "blue"})
    with pytest.raises(ServerFailed):
        await settled(once.list_chatbots())
    with pytest.raises(ServerFailed):
        await settled(wizchat.skills.list("b1"))
    assert len(server.asked) == 1 + 3
    assert [asked.headers.get("x-team") for asked in server.asked] == ["blue", None, None, None]


async def test_groups_of_a_copy_follow_its_options(server: Server, wizchat) -> None:
    server.will(answer({"skills": []}))
    await settled(wizchat.with_options(headers={"x-team": "blue"}).skills.list("b1"))
    assert server.asked[0].headers["x-team"] == "blue"


async def test_stalling_server_times_out(server: Server, wizchat) -> None:
    server.will(Reply(stalls=True))
    with pytest.raises(TimedOut) as caught:
        await settled(wizchat.with_options(timeout=0.05, max_retries=0).list_chatbots())
    assert caught.value.request_id == server.asked[0].headers["request-id"]


async def test_server_that_is_not_there_is_told(wizchat) -> None:
    gone = type(wizchat)("wpk_live_1", "http://127.0.0.1:9", max_retries=1)
    with pytest.raises(ConnectionFailed, match="no answer"):
        await settled(gone.list_chatbots())
    await settled(gone.close())


async def test_html_answer_is_an_error_of_ours(server: Server, wizchat) -> None:
    server.will(Reply(body=b"<html>"))
    with pytest.raises(InvalidAnswer, match="not JSON"):
        await settled(wizchat.list_chatbots())
    server.will(Reply(status=404, body=b"<html>"))
    with pytest.raises(NotFound) as caught:
        await settled(wizchat.list_chatbots())
    assert caught.value.code == "http_404"


async def test_unknown_fields_are_kept(server: Server, wizchat) -> None:
    server.will(answer(BOTS))
    (bot,) = await settled(wizchat.list_chatbots())
    assert bot.model_extra == {"somethingNew": 1}


async def test_every_answer_has_its_response(server: Server, wizchat) -> None:
    server.will(answer({"chatbot": {"id": "b1", "name": "One"}}, request_id="req_1", etag='"3"'))
    bot = await settled(wizchat.get_chatbot("b1"))
    assert bot.request_id == "req_1"
    assert bot.raw_response.headers["etag"] == '"3"'
    raw = await settled(wizchat.request("get", "/api/v1/chatbots/b1"))
    assert (raw.status, raw.json()["chatbot"]["name"]) == (200, "One")


async def test_id_cannot_leave_its_place(server: Server, wizchat) -> None:
    server.will(answer({"chatbot": {"id": "b1", "name": "One"}}))
    await settled(wizchat.get_chatbot("a b/../c?d=1"))
    assert server.asked[0].path == "/api/v1/chatbots/a%20b%2F..%2Fc%3Fd%3D1"
    with pytest.raises(MissingConfiguration):
        await settled(wizchat.get_chatbot(""))


async def test_conflict_of_an_apply_is_raised_at_once(server: Server, wizchat) -> None:
    server.will(answer({"error": {"code": "precondition_failed", "message": "Moved."}}, 412))
    with pytest.raises(Conflict):
        await settled(wizchat.apply_config("b1", {"apiVersion": "v1"}, if_match='"1"'))
    assert server.asked[0].headers["if-match"] == '"1"'
    assert len(server.asked) == 1


@pytest.fixture(params=[Wisebot, AsyncWisebot])
async def wisebot(request, server: Server):
    client = request.param("wb_live_1", server.url)
    yield client
    await settled(client.close())


async def test_upload_tells_its_progress_and_is_tried_again(server: Server, wisebot, tmp_path) -> None:
    file = tmp_path / "refund-policy.txt"
    file.write_bytes(b"x" * 200_000)
    server.will(answer({"error": "busy"}, 503), answer({"name": "refund-policy.txt", "url": "/f"}, 201))
    seen: list[tuple[int, int | None]] = []
    done = await settled(
        wisebot.knowledge.upload(file, folder_path="Legal", on_progress=lambda *step: seen.append(step))
    )
    assert done.name == "refund-policy.txt"
    assert seen[-1] == (200_000, 200_000)
    assert [asked.body.count(b"x" * 200_000) for asked in server.asked] == [1, 1]
    assert b'name="folderPath"\r\n\r\nLegal' in server.asked[1].body
    assert b'filename="refund-policy.txt"\r\nContent-Type: text/plain' in server.asked[1].body


async def test_upload_that_cannot_be_read_again_is_sent_once(server: Server, wisebot) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    server.will(answer({"error": "busy"}, 503))
    with pytest.raises(ServerFailed):
        await settled(wisebot.knowledge.upload(Pipe(b"abc"), name="a.txt"))
    assert len(server.asked) == 1
    assert b"abc" in server.asked[0].body


async def test_key_is_refused_where_a_token_is_needed(server: Server, wisebot) -> None:
    with pytest.raises(MissingConfiguration, match="dashboard token"):
        _ = wisebot.admin
    with pytest.raises(MissingConfiguration, match="dashboard token"):
        _ = wisebot.with_options(timeout=1).playground
    assert server.asked == []


async def test_missing_visitor_has_no_conversation(server: Server, wisebot) -> None:
    server.will(answer({"error": "Not found", "code": "not_found", "message": "No session."}, 404))
    assert await settled(wisebot.chat.get_session("user_42")) is None


def test_key_must_be_given() -> None:
    with pytest.raises(ValueError, match="WIZCHAT_API_KEY"):
        WizChat()
    with pytest.raises(ValueError, match="api_key"):
        WizChat("")
