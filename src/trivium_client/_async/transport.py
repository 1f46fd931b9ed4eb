"""Sends calls and reads answers: retries, time-outs, request ids, the typed objects."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Self, TypeVar

import httpx2
from pydantic import ValidationError

from trivium_client._call import Call, Options, RawResponse, changed
from trivium_client._clock import pause_async
from trivium_client._errors import ApiError, ConnectionFailed, InvalidAnswer, TimedOut, error_from_answer
from trivium_client._model import Answer, Items, Model
from trivium_client._retry import delay_s, is_worth_a_retry, retry_after_s

CONNECT_TIMEOUT_S = 10.0
# Nothing here is that large; a server gone wrong, or another one, must not fill the memory.
ANSWER_BYTES_MAX = 256 * 1024 * 1024
ERRORS_SHOWN_MAX = 3
A = TypeVar("A", bound=Answer)
M = TypeVar("M", bound=Model)


class AsyncTransport:
    """One connection pool, the headers that authenticate, and the options of its client."""

    def __init__(
        self,
        *,
        base_url: str,
        headers: Mapping[str, str],
        options: Options,
        transport: httpx2.AsyncBaseTransport | None = None,
        client: httpx2.AsyncClient | None = None,
    ) -> None:
        self.base_url = base_url
        self.options = options
        self._auth = dict(headers)
        self._client = client or httpx2.AsyncClient(transport=transport, follow_redirects=False)

    def with_options(
        self, *, timeout: float | None, max_retries: int | None, headers: Mapping[str, str] | None
    ) -> Self:
        """Return one with other options on the same connection pool."""
        options = replace(
            self.options,
            timeout=changed(self.options.timeout, timeout),
            max_retries=changed(self.options.max_retries, max_retries),
            headers={**self.options.headers, **(headers or {})},
        )
        return type(self)(base_url=self.base_url, headers=self._auth, options=options, client=self._client)

    async def close(self) -> None:
        """Close the connection pool, also for the clients made by with_options."""
        await self._client.aclose()

    async def send(self, call: Call) -> RawResponse:
        """Return the answer; raises ApiError for a failure status, ConnectionFailed where none came."""
        headers = self.headers(call)
        retry = 0
        while True:
            try:
                raw = await self._once(call, headers, retry)
            except httpx2.TransportError as error:
                await self.pause(call, retry, failure(error, headers))
            else:
                if raw.status < 300 or raw.status in call.accepts:
                    return raw
                await self.pause(call, retry, refusal(raw))
            retry += 1

    async def fetch(self, model: type[A], call: Call) -> A:
        """Return the answer as this model."""
        raw = await self.send(call)
        found = parsed(model, content_of(raw, call.unwrap), raw)
        found.attach(raw)
        return found

    async def fetch_items(self, model: type[M], call: Call) -> Items[M]:
        """Return the list that stands under the call's key, or is the whole body."""
        raw = await self.send(call)
        items = content_of(raw, call.unwrap)
        if not isinstance(items, list):
            raise InvalidAnswer(f"{call.path} answered no list", request_id=raw.request_id)
        cursor = content_of(raw, None) if call.unwrap else None
        following = cursor.get("nextCursor") if isinstance(cursor, dict) else None
        found = [parsed(model, item, raw) for item in items]
        for item in found:
            if isinstance(item, Answer):
                item.attach(raw)
        return Items(found, raw=raw, next_cursor=following if isinstance(following, str) else None)

    async def iterate(self, model: type[M], call: Call, page_size: int) -> AsyncIterator[M]:
        """Yield what a list holds, page after page; each page but the last names the cursor of the next."""
        cursor: str | None = None
        while True:
            params = {**call.params, "limit": page_size, "cursor": cursor}
            page = await self.fetch_items(model, replace(call, params=params))
            for item in page:
                yield item
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    async def iterate_before(self, model: type[M], call: Call, page_size: int) -> AsyncIterator[M]:
        """Yield what a list holds, page after page; the next page is asked for by the id of the last item."""
        before: str | None = None
        while True:
            params = {**call.params, "limit": page_size, "before": before}
            page = await self.fetch_items(model, replace(call, params=params))
            for item in page:
                yield item
            last = getattr(page[-1], "id", None) if page else None
            if last is None or last == before:
                return
            before = last

    async def open(self, call: Call, headers: Mapping[str, str]) -> httpx2.Response:
        """Return an answer whose body is still to be read; raises ApiError for a failure status. Tries once."""
        response = await self._client.send(self._request(call, headers), stream=True)
        if response.is_success:
            return response
        raise refusal(await whole(response, headers))

    def headers(self, call: Call) -> dict[str, str]:
        """Return the headers of a call. All its tries share them, so that the server can tell them as one."""
        headers = {"accept": "application/json", "request-id": str(uuid.uuid4())}
        if call.method == "POST":
            headers["idempotency-key"] = str(uuid.uuid4())
        given = {**self._auth, **self.options.headers, **call.headers}
        return {**headers, **{name.lower(): value for name, value in given.items()}}

    async def pause(self, call: Call, retry: int, error: ConnectionFailed | ApiError) -> None:
        """Wait before another try, or raise the error when there is none left or the call cannot be repeated."""
        asked = error.retry_after_s if isinstance(error, ApiError) else None
        if isinstance(error, ApiError) and not is_worth_a_retry(error.status, conflict_passes=call.conflict_passes):
            raise error
        delay = delay_s(retry, asked)
        if retry >= self.options.max_retries or not call.is_repeatable or delay is None:
            raise error
        await pause_async(delay)

    async def _once(self, call: Call, headers: Mapping[str, str], retry: int) -> RawResponse:
        if call.upload is None:
            return await whole(await self._client.send(self._request(call, headers), stream=True), headers, retry)
        file = call.upload.open()
        try:
            parts = {"file": (call.upload.name, file, call.upload.content_type)}
            request = self._client.build_request(
                call.method,
                self.base_url + call.path,
                params=query(call),
                headers=headers,
                data=dict(call.upload.fields),
                files=parts,  # type: ignore[arg-type]  # it reads, seeks and tells, which is all that is asked of it
                timeout=self._timeout(call),
            )
            return await whole(await self._client.send(request, stream=True), headers, retry)
        finally:
            file.close()

    def _request(self, call: Call, headers: Mapping[str, str]) -> httpx2.Request:
        return self._client.build_request(
            call.method,
            self.base_url + call.path,
            params=query(call),
            json=call.body,
            data=dict(call.form) or None,
            headers=headers,
            timeout=self._timeout(call),
        )

    def _timeout(self, call: Call) -> httpx2.Timeout:
        timeout = changed(self.options.timeout, call.timeout)
        return httpx2.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT_S))


async def whole(response: httpx2.Response, headers: Mapping[str, str], retries: int = 0) -> RawResponse:
    """Return an answer with all of its body, and close it; raises InvalidAnswer when the body is too large."""
    request_id = response.headers.get("request-id") or headers.get("request-id")
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > ANSWER_BYTES_MAX:
                raise InvalidAnswer(f"the answer has more than {ANSWER_BYTES_MAX} bytes", request_id=request_id)
            pieces.append(piece)
    finally:
        await discard(response)
    return RawResponse(
        status=response.status_code,
        headers=response.headers,
        content=b"".join(pieces),
        request_id=request_id,
        retries=retries,
    )


def query(call: Call) -> dict[str, str]:
    """Return the query parameters that are set, as the wire spells them."""
    given = {name: value for name, value in call.params.items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}


def failure(error: httpx2.TransportError, headers: Mapping[str, str]) -> ConnectionFailed:
    """Return our error for a connection that failed; its cause stays attached."""
    kind = TimedOut if isinstance(error, httpx2.TimeoutException) else ConnectionFailed
    said = str(error) or type(error).__name__
    ours = kind(f"no answer from {asked_of(error)}: {said}", request_id=headers.get("request-id"))
    ours.__cause__ = error
    return ours


def asked_of(error: httpx2.TransportError) -> str:
    """Return the server that gave no answer, without the rest of the address, which may name a visitor."""
    try:
        url = error.request.url
    except RuntimeError:
        return "the server"
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace').rpartition('@')[2]}"


def refusal(raw: RawResponse) -> ApiError:
    """Return the error for an answer with a failure status."""
    return error_from_answer(
        raw.status, raw.content, request_id=raw.request_id, retry_after_s=retry_after_s(raw.headers)
    )


def content_of(raw: RawResponse, key: str | None) -> object:
    """Return the parsed body, or what stands in it under a key; raises InvalidAnswer where there is none."""
    import json

    try:
        body = json.loads(raw.content)
        return body if key is None else body[key]
    except (ValueError, KeyError, TypeError) as error:
        where = "" if key is None else f" with {key!r}"
        raise InvalidAnswer(f"the answer is not JSON{where}", request_id=raw.request_id) from error


def parsed(model: type[M], content: object, raw: RawResponse) -> M:
    """Return the content as this model; raises InvalidAnswer."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:ERRORS_SHOWN_MAX]]
        raise InvalidAnswer(f"{model.__name__}: {'; '.join(found)}", request_id=raw.request_id) from error


async def discard(response: httpx2.Response | None) -> None:
    """Close a response whose connection may be broken already."""
    if response is not None:
        with suppress(httpx2.HTTPError):
            await response.aclose()
