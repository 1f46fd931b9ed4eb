"""Files that agents made, for whoever has their address."""

from collections.abc import AsyncGenerator

from trivium.core.errors import NotFound
from trivium.core.model.desk import MadeFile
from trivium.core.ports import BlobStore, Store


class MadeFiles:
    """The address is the right to read: an id holds 192 random bits and is given to the visitor alone."""

    def __init__(self, *, store: Store, blobs: BlobStore) -> None:
        self._store = store
        self._blobs = blobs

    async def open(self, file_id: str) -> tuple[MadeFile, AsyncGenerator[bytes, None]]:
        """Return the file and its bytes in pieces, to be closed by the caller; NotFound."""
        file = await self._store.read(lambda tx: tx.made_files.by_id(file_id))
        if file is None:
            raise NotFound("file", file_id)
        return file, self._blobs.stream(file.blob_key)
