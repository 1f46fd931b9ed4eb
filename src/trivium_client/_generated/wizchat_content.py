# Written by `make generate` from ../_async/wizchat_content.py; edits here are lost.
"""What a chatbot answers from, and where it is published."""

from collections.abc import Iterator

from trivium_client._generated.client import Resource
from trivium_client._call import Call, path
from trivium_client._json import JsonInput
from trivium_client._model import Items
from trivium_client._upload import FileInput, Progress, upload_of
from trivium_client.models.wizchat import PublicDeployment, PublicDocument, PublicDomainStatus, PublicVideo

C = "/api/v1/chatbots/{}"
UPLOAD_TIMEOUT_S = 300.0
PAGE_SIZE = 100


class Documents(Resource):
    """Documents the chatbot answers from."""

    def list(self, chatbot_id: str) -> Items[PublicDocument]:
        """Return all of them."""
        call = Call(method="GET", path=path(f"{C}/documents", chatbot_id), unwrap="documents")
        return self._transport.fetch_items(PublicDocument, call)

    def iterate(self, chatbot_id: str, *, page_size: int = PAGE_SIZE) -> Iterator[PublicDocument]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path=path(f"{C}/documents", chatbot_id), unwrap="documents")
        return self._transport.iterate(PublicDocument, call, page_size)

    def upload(
        self,
        chatbot_id: str,
        file: FileInput,
        *,
        name: str | None = None,
        content_type: str | None = None,
        display_name: str | None = None,
        view_access_level: str | None = None,
        scope_id: str | None = None,
        on_progress: Progress | None = None,
        timeout: float = UPLOAD_TIMEOUT_S,
    ) -> PublicDocument:
        """Add a file: a path, bytes with a `name`, or an open binary file. It is indexed in the background."""
        fields = {"displayName": display_name, "viewAccessLevel": view_access_level, "scopeId": scope_id}
        upload = upload_of(file, name=name, content_type=content_type, fields=fields, progress=on_progress)
        call = Call(
            method="POST",
            path=path(f"{C}/documents", chatbot_id),
            upload=upload,
            timeout=timeout,
            unwrap="document",
        )
        return self._transport.fetch(PublicDocument, call)

    def add_url(self, chatbot_id: str, url: str, **fields: object) -> PublicDocument:
        """Add a page by its address."""
        call = Call(
            method="POST",
            path=path(f"{C}/documents/url", chatbot_id),
            body={"url": url, **fields},
            unwrap="document",
        )
        return self._transport.fetch(PublicDocument, call)

    def get(self, chatbot_id: str, document_id: str) -> PublicDocument:
        """Return one; raises NotFound."""
        call = Call(method="GET", path=path(f"{C}/documents/{{}}", chatbot_id, document_id), unwrap="document")
        return self._transport.fetch(PublicDocument, call)

    def update(self, chatbot_id: str, document_id: str, fields: JsonInput) -> PublicDocument:
        """Change its name, its scope or who may see it."""
        call = Call(
            method="PATCH",
            path=path(f"{C}/documents/{{}}", chatbot_id, document_id),
            body={**fields},
            unwrap="document",
        )
        return self._transport.fetch(PublicDocument, call)

    def delete(self, chatbot_id: str, document_id: str) -> None:
        """Remove one; no answer cites it from then on."""
        self._transport.send(Call(method="DELETE", path=path(f"{C}/documents/{{}}", chatbot_id, document_id)))


class Videos(Resource):
    """Videos the chatbot answers from."""

    def list(self, chatbot_id: str) -> Items[PublicVideo]:
        """Return all of them."""
        call = Call(method="GET", path=path(f"{C}/videos", chatbot_id), unwrap="videos")
        return self._transport.fetch_items(PublicVideo, call)

    def iterate(self, chatbot_id: str, *, page_size: int = PAGE_SIZE) -> Iterator[PublicVideo]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path=path(f"{C}/videos", chatbot_id), unwrap="videos")
        return self._transport.iterate(PublicVideo, call, page_size)

    def add_url(self, chatbot_id: str, url: str, **fields: object) -> PublicVideo:
        """Add a video by its address."""
        call = Call(method="POST", path=path(f"{C}/videos", chatbot_id), body={"url": url, **fields}, unwrap="video")
        return self._transport.fetch(PublicVideo, call)

    def upload(
        self,
        chatbot_id: str,
        file: FileInput,
        *,
        name: str | None = None,
        content_type: str | None = None,
        display_name: str | None = None,
        view_access_level: str | None = None,
        scope_id: str | None = None,
        on_progress: Progress | None = None,
        timeout: float = UPLOAD_TIMEOUT_S,
    ) -> PublicVideo:
        """Add a video file or its subtitles (SRT, VTT)."""
        fields = {"displayName": display_name, "viewAccessLevel": view_access_level, "scopeId": scope_id}
        upload = upload_of(file, name=name, content_type=content_type, fields=fields, progress=on_progress)
        call = Call(method="POST", path=path(f"{C}/videos", chatbot_id), upload=upload, timeout=timeout, unwrap="video")
        return self._transport.fetch(PublicVideo, call)

    def get(self, chatbot_id: str, video_id: str) -> PublicVideo:
        """Return one; raises NotFound."""
        call = Call(method="GET", path=path(f"{C}/videos/{{}}", chatbot_id, video_id), unwrap="video")
        return self._transport.fetch(PublicVideo, call)

    def update(self, chatbot_id: str, video_id: str, fields: JsonInput) -> PublicVideo:
        """Change its name, its scope or who may see it."""
        call = Call(
            method="PATCH", path=path(f"{C}/videos/{{}}", chatbot_id, video_id), body={**fields}, unwrap="video"
        )
        return self._transport.fetch(PublicVideo, call)

    def delete(self, chatbot_id: str, video_id: str) -> None:
        """Remove one."""
        self._transport.send(Call(method="DELETE", path=path(f"{C}/videos/{{}}", chatbot_id, video_id)))


class Deployment(Resource):
    """Where the chatbot is published."""

    def get(self, chatbot_id: str) -> PublicDeployment:
        """Return the state of the deployment."""
        return self._transport.fetch(
            PublicDeployment, Call(method="GET", path=path(f"{C}/deployment", chatbot_id))
        )

    def deploy(self, chatbot_id: str) -> PublicDeployment:
        """Start publishing; ask for the state until it is `deployed` or `failed`."""
        return self._transport.fetch(PublicDeployment, Call(method="POST", path=path(f"{C}/deploy", chatbot_id)))


class Domains(Resource):
    """The chatbot's own addresses."""

    def list(self, chatbot_id: str) -> Items[PublicDomainStatus]:
        """Return all of them."""
        call = Call(method="GET", path=path(f"{C}/domains", chatbot_id), unwrap="domains")
        return self._transport.fetch_items(PublicDomainStatus, call)

    def iterate(self, chatbot_id: str, *, page_size: int = PAGE_SIZE) -> Iterator[PublicDomainStatus]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path=path(f"{C}/domains", chatbot_id), unwrap="domains")
        return self._transport.iterate(PublicDomainStatus, call, page_size)

    def add(self, chatbot_id: str, domain: str) -> PublicDomainStatus:
        """Add one; `verification` in the answer says what to enter at the name server."""
        call = Call(method="POST", path=path(f"{C}/domains", chatbot_id), body={"domain": domain})
        return self._transport.fetch(PublicDomainStatus, call)

    def get(self, chatbot_id: str, domain: str) -> PublicDomainStatus:
        """Return how far one has come; raises NotFound."""
        return self._transport.fetch(
            PublicDomainStatus, Call(method="GET", path=path(f"{C}/domains/{{}}", chatbot_id, domain))
        )

    def remove(self, chatbot_id: str, domain: str) -> None:
        """Remove one."""
        self._transport.send(Call(method="DELETE", path=path(f"{C}/domains/{{}}", chatbot_id, domain)))

    def verify(self, chatbot_id: str, domain: str) -> PublicDomainStatus:
        """Look at the name server now."""
        return self._transport.fetch(
            PublicDomainStatus, Call(method="POST", path=path(f"{C}/domains/{{}}/verify", chatbot_id, domain))
        )
