"""Paths that callers name: nothing outside of the root is reached, whatever lies in it."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.adapters.blobs.tree import FolderTree, _parts
from trivium.core.errors import InvalidRequest, LimitExceeded, NotFound


@pytest.fixture
def tree(tmp_path: Path) -> FolderTree:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "trees/a2").mkdir(parents=True)
    (tmp_path / "trees/a2/other.txt").write_text("other agent")
    return FolderTree(tmp_path / "trees")


async def pieces(*data: bytes) -> AsyncGenerator[bytes, None]:
    for one in data:
        yield one


async def write(tree: FolderTree, path: str, *data: bytes, size_max: int = 1000) -> int:
    return await tree.write("a1", path, pieces(*data), size_max=size_max)


async def read(tree: FolderTree, path: str) -> bytes:
    return await tree.read("a1", path, size_max=1000)


async def test_what_was_written_is_read_listed_and_removed(tree: FolderTree) -> None:
    assert await write(tree, "inputs/chat/file.txt", b"one ", b"two") == 7
    assert await write(tree, "inputs/chat/file.txt", b"three") == 5
    assert await read(tree, "./inputs//chat/file.txt") == b"three"
    assert await tree.size("a1", "inputs/chat/file.txt") == 5
    assert [(f.path, f.size_bytes) for f in await tree.find("a1", limit=10)] == [("inputs/chat/file.txt", 5)]
    assert await tree.remove("a1", "inputs/chat/file.txt")
    assert not await tree.remove("a1", "inputs/chat/file.txt")
    assert await tree.find("a1", limit=10) == []
    assert await tree.find("unknown", limit=10) == []


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", ".", "..", "../a2/other.txt", "x/../../a2/other.txt", "/etc/passwd", "~/x", "a\\b", "a\0b", "a\nb"),
        *("x/", "a/" * 40 + "b", "n" * 300, "p/" * 600 + "x", "\ud800"),
    ],
)
async def test_paths_out_of_the_root_are_refused_and_named(tree: FolderTree, path: str) -> None:
    for attempt in (read(tree, path), write(tree, path, b"x"), tree.remove("a1", path)):
        with pytest.raises(InvalidRequest) as refused:
            await attempt
        assert refused.value.details["path"] == path[:200]


async def test_links_folders_and_devices_are_refused(tree: FolderTree, tmp_path: Path) -> None:
    await write(tree, "folder/file.txt", b"x")
    root = tmp_path / "trees/a1"
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "out").symlink_to(tmp_path / "trees/a2")
    os.mkfifo(root / "pipe")
    os.link(tmp_path / "secret.txt", root / "hard.txt")
    for path in ("link.txt", "out/other.txt", "pipe", "hard.txt", "folder", "folder/file.txt/x"):
        with pytest.raises(InvalidRequest) as refused:
            await read(tree, path)
        assert path in refused.value.message
    with pytest.raises(InvalidRequest):
        await write(tree, "out/new.txt", b"x")
    with pytest.raises(InvalidRequest):
        await write(tree, "folder", b"x")
    assert not (tmp_path / "trees/a2/new.txt").exists()


async def test_writing_over_a_link_replaces_the_link(tree: FolderTree, tmp_path: Path) -> None:
    await write(tree, "file.txt", b"x")
    (tmp_path / "trees/a1/link.txt").symlink_to(tmp_path / "secret.txt")
    await write(tree, "link.txt", b"mine")
    assert (await read(tree, "link.txt"), (tmp_path / "secret.txt").read_text()) == (b"mine", "secret")


async def test_sizes_are_bounded_and_nothing_is_left_behind(tree: FolderTree, tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded):
        await write(tree, "big.bin", b"x" * 600, b"x" * 600)
    assert list((tmp_path / "trees/a1").iterdir()) == []
    await write(tree, "big.bin", b"x" * 1500, size_max=2000)
    with pytest.raises(LimitExceeded):
        await read(tree, "big.bin")


async def test_what_is_not_there_is_not_found(tree: FolderTree) -> None:
    for path in ("none.txt", "none/none.txt"):
        with pytest.raises(NotFound):
            await read(tree, path)


@given(st.text())
def test_no_text_becomes_a_way_up(path: str) -> None:
    try:
        parts = _parts(path)
    except InvalidRequest:
        return
    assert parts
    assert not {"..", ".", ""} & set(parts)
    assert not any("/" in part for part in parts)
