"""Real files give their text with headings, pages and columns; what holds none says why."""

from pathlib import Path

import pytest

from trivium.adapters.extract.formats import extract
from trivium.adapters.extract.outcome import Problem
from trivium.adapters.extract.pdf import Line, paragraphs_of
from trivium.adapters.extract.pictures import is_ocr_available
from trivium.core.ports.knowledge import Extracted

FILES = Path(__file__).parent / "files"


def read(name: str, data: bytes | None = None, mime_type: str = "") -> Extracted:
    content = (FILES / name).read_bytes() if data is None else data
    return extract(content, name=name, mime_type=mime_type, pages_max=100)


@pytest.mark.parametrize("name", ["guide.html", "guide.odt", "guide.docx", "guide.pdf", "guide.epub"])
def test_a_guide_gives_its_sentences_in_every_format(name: str) -> None:
    text = "\n".join(part.text for part in read(name).parts)
    for words in ("Wipe the shade with a dry cloth.", "12 euros", "three years & covers the switch"):
        assert words in text


@pytest.mark.parametrize("name", ["guide.html", "guide.odt", "guide.docx", "guide.pdf"])
def test_text_stands_under_its_heading(name: str) -> None:
    part = next(part for part in read(name).parts if "three years" in part.text)
    assert part.heading.endswith("Warranty")


@pytest.mark.parametrize("name", ["guide.html", "guide.odt", "guide.docx", "guide.epub"])
def test_a_table_keeps_its_header(name: str) -> None:
    table = next(part for part in read(name).parts if part.kind == "table")
    assert table.text.split("\n")[0] == "Part | Price"


@pytest.mark.parametrize("name", ["prices.xlsx", "prices.ods", "prices.xls"])
def test_a_sheet_gives_rows_with_columns(name: str) -> None:
    first, second = read(name).parts
    assert first.data == {"Part": "Shade", "Price": "12.5", "Since": "2024-01-05"}
    assert second.text == "Part: Bulb; Price: 3; Since: 2025-02-01"


def test_slides_are_pages() -> None:
    assert [(part.page, part.text.split("\n")[-1]) for part in read("slides.pptx").parts] == [
        (1, "Sales rose by 8 percent."),
        (2, "A new lamp comes in May."),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_with_any_separator(separator: str) -> None:
    lines = [["name", "town"], ["Ana", "Porto"], ["José", "Lyon"]]
    data = "\n".join(separator.join(line) for line in lines).encode("cp1252")
    assert [part.data for part in read("a.csv", data).parts] == [
        {"name": "Ana", "town": "Porto"},
        {"name": "José", "town": "Lyon"},
    ]


def test_subtitles_know_their_second() -> None:
    srt = b"1\n00:00:05,000 --> 00:00:07,000\n<i>Hello</i> there\n\n2\n00:01:10,500 --> 00:01:12,000\nSecond part\n"
    assert [(part.start_s, part.text) for part in read("a.srt", srt).parts] == [
        (5.0, "Hello there"),
        (70.5, "Second part"),
    ]
    vtt = b"WEBVTT\n\n01:02.000 --> 01:03.000\nHi\n"
    assert [(part.start_s, part.text) for part in read("noname", vtt).parts] == [(62.0, "Hi")]


def test_records_of_json_are_rows() -> None:
    parts = read("a.json", b'[{"id": 7, "tags": ["red", "blue"]}, {"id": 8}]').parts
    assert (parts[0].data, parts[0].text) == ({"id": 7}, "id: 7\ntags: red\ntags: blue")
    assert read("a.json", b'{"a": {"b": "deep"}}').parts[0].text == "a b: deep"
    assert len(read("a.jsonl", b'{"a": 1}\n{"a": 2}\n').parts) == 2


def test_markdown_keeps_code_and_the_path_of_headings() -> None:
    text = b"---\nx: 1\n---\n# Top\nA\n## Sub\n```\n# no heading\n```\n| a | b |\n|---|---|\n| 1 | 2 |\n# Next\nB\n"
    parts = [(part.heading, part.kind, part.text.strip()) for part in read("a.md", text).parts]
    assert parts == [
        ("Top", "text", "A"),
        ("Top > Sub", "text", "```\n# no heading\n```"),
        ("Top > Sub", "table", "| a | b |\n| 1 | 2 |"),
        ("Next", "text", "B"),
    ]


def test_the_content_decides_and_not_the_name() -> None:
    assert read("really.txt", (FILES / "guide.pdf").read_bytes()).mime_type == "application/pdf"
    assert read("really.pdf", b"plain words").mime_type == "text/plain"
    assert read("page.txt", b"<!DOCTYPE html><p>Words").mime_type == "text/html"


def test_navigation_and_scripts_are_left_out() -> None:
    page = b"<html><body><nav>Home</nav><script>x()</script><main><h1>T</h1><p>Real<br>words</p></main></body></html>"
    assert [(part.heading, part.text) for part in read("a.html", page).parts] == [("T", "Real\nwords")]


def test_hyphens_and_wrapped_lines_are_joined() -> None:
    wide = "x" * 60
    lines = [Line("Title", 20), Line(f"{wide} won\ufffe", 11), Line(f"derful {wide}", 11), Line("end.", 11)]
    assert paragraphs_of(lines) == [(True, "Title"), (False, f"{wide} wonderful {wide} end.")]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\t ", "empty"),
        ("a.csv", b"\xef\xbb\xbf\n", "empty"),
        ("a.bin", b"\x7fELF\x02\x01\x01\x00\x00\x00", "unsupported"),
        ("a.zip", b"PK\x05\x06" + b"\x00" * 18, "unsupported"),
        ("a.pdf", b"%PDF-1.7\nnothing more", "unreadable"),
        ("a.mp3", b"ID3\x04\x00\x00\x00\x00\x00\x00", "needs_transcript"),
        ("a.mp4", b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "needs_transcript"),
        ("a.json", b"{broken", "unreadable"),
        ("a.html", b"<html><body><script>1</script></body></html>", "empty"),
        ("a.docx", b"PK\x03\x04broken", "unreadable"),
        ("a.png", b"\x89PNG\r\n\x1a\nbroken", "unreadable" if is_ocr_available() else "needs_ocr"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, data: bytes, code: str) -> None:
    with pytest.raises(Problem) as problem:
        read(name, data)
    assert problem.value.code == code
    assert str(problem.value).endswith(".")


@pytest.mark.parametrize(("name", "code"), [("locked.pdf", "encrypted"), ("guide.doc", "unsupported")])
def test_locked_and_old_files_say_what_to_do(name: str, code: str) -> None:
    with pytest.raises(Problem) as problem:
        read(name)
    assert problem.value.code == code


@pytest.mark.skipif(not is_ocr_available(), reason="tesseract is not on the PATH")
def test_a_picture_is_read_by_ocr() -> None:
    import io

    import pypdfium2

    page = pypdfium2.PdfDocument((FILES / "guide.pdf").read_bytes())[1].render(scale=3).to_pil()
    stored = io.BytesIO()
    page.save(stored, "PNG")
    assert "dry cloth" in read("scan.png", stored.getvalue(), "image/png").parts[0].text
