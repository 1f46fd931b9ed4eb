"""README and manual do what they say."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.conftest import DemoServer
from tests.docs.pages import Page, assert_printed, blocks, commands
from tests.repository import ROOT
from trivium_client import Wisebot

PAGES = [
    path
    for path in [ROOT / "README.md", ROOT / "packages/client/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if blocks(path.read_text("utf-8"))
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_page_does_what_it_says(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    found = blocks(path.read_text("utf-8"))
    page = Page(folder=tmp_path)
    with contextlib.ExitStack() as stack:
        if any(block.needs_server for block in found):
            server: DemoServer = request.getfixturevalue("demo_server")
            page.address, page.environment = server.address, server.environment
            stack.enter_context(_as_it_was(server))
        for block in found:
            try:
                page.run(block)
            except Exception as error:
                error.add_note(f"{path.relative_to(ROOT)}, line {block.line}")
                raise


@contextlib.contextmanager
def _as_it_was(server: DemoServer) -> Iterator[None]:
    """Delete the workflows that a page makes: the next one begins with the sample, too."""
    with Wisebot(server.environment["WISE_KEY"], server.environment["WISEBOTAI_BASE_URL"]) as client:
        before = {workflow.id for workflow in client.workflows.list()}
        try:
            yield
        finally:
            for workflow in client.workflows.list():
                if workflow.id not in before:
                    client.workflows.delete(workflow.id)


def test_marked_blocks_are_found() -> None:
    page = "<!-- run -->\n```python\nprint(1)\n```\n\n```python\nskipped\n```\n\n<!-- output -->\n```text\n1\n```\n"
    assert [(block.mark, block.line) for block in blocks(page)] == [("run", 1), ("output", 10)]


def test_mark_without_a_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="without a fenced block"):
        blocks("<!-- run -->\n\nSome text.\n")


def test_console_block_is_split_into_commands() -> None:
    text = "$ echo one \\\n  two\none two\n$ true\n"
    assert commands(text) == [("echo one \\\n  two\n", "one two\n"), ("true\n", "")]


def test_dots_stand_for_anything() -> None:
    assert_printed("run 17\nstarted at noon\ndone\n", "run ...\ndone")
    with pytest.raises(AssertionError, match="printed was"):
        assert_printed("run 17", "run 18")


def test_blocks_of_a_page_share_names_and_folder(tmp_path: Path) -> None:
    page = Page(folder=tmp_path)
    text = """
<!-- run -->
```python
answer = 42
```

<!-- run -->
```python
print(answer)
```

<!-- output -->
```text
42
```

<!-- run -->
```console
$ echo kept > file
$ cat file
kept
```
"""
    for block in blocks(text):
        page.run(block)
    assert (tmp_path / "file").read_text() == "kept\n"


def test_a_command_that_fails_fails_the_page(tmp_path: Path) -> None:
    (block,) = blocks("<!-- run -->\n```console\n$ false\n```\n")
    with pytest.raises(AssertionError, match="false"):
        Page(folder=tmp_path).run(block)
