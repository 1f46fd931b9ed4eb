"""A small writer of presentations (PPTX, ECMA-376): a title and lines of text on each slide, in any script."""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

SLIDES_MAX = 100
_NAMESPACES = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
)
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
_PARTS = "application/vnd.openxmlformats-officedocument.presentationml."
_WIDTH, _HEIGHT = 12_192_000, 6_858_000
# Control characters have no place in XML 1.0.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TREE = (
    '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr><a:xfrm>'
    '<a:off x="0" y="0"/><a:ext cx="0" cy="0"/><a:chOff x="0" y="0"/><a:chExt cx="0" cy="0"/></a:xfrm></p:grpSpPr>'
)
_LAYOUT = (
    f'<p:sldLayout {_NAMESPACES} type="blank"><p:cSld name="Blank"><p:spTree>{_TREE}</p:spTree></p:cSld></p:sldLayout>'
)
_COLOURS = (
    ("dk1", "1F2933"),
    ("lt1", "FFFFFF"),
    ("dk2", "3E4C59"),
    ("lt2", "F5F7FA"),
    ("accent2", "F0B429"),
    ("accent3", "3EBD93"),
    ("accent4", "D64545"),
    ("accent5", "8719E0"),
    ("accent6", "486581"),
    ("hlink", "0967D2"),
    ("folHlink", "6B0672"),
)


@dataclass(frozen=True, kw_only=True)
class Slide:
    """A title and what stands below it, a line each."""

    title: str
    lines: Sequence[str] = ()


def write_deck(title: str, slides: Sequence[Slide], *, colour: str = "0967D2") -> bytes:
    """Return the file: a slide with the title, then the slides. `colour`: six hex digits, for titles."""
    everything = [Slide(title=title), *slides]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in _files(title, everything, colour).items():
            # A fixed date, so that the same slides make the same bytes.
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), _HEAD + content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _files(title: str, slides: Sequence[Slide], colour: str) -> dict[str, str]:
    count = len(slides)
    files = {
        "[Content_Types].xml": _content_types(count),
        "_rels/.rels": _relations([("rId1", "officeDocument", "ppt/presentation.xml")]),
        "ppt/presentation.xml": _presentation(count),
        "ppt/_rels/presentation.xml.rels": _relations(
            [
                ("rId1", "slideMaster", "slideMasters/slideMaster1.xml"),
                *((f"rId{number + 1}", "slide", f"slides/slide{number}.xml") for number in range(1, count + 1)),
            ]
        ),
        "ppt/slideMasters/slideMaster1.xml": _master(),
        "ppt/slideMasters/_rels/slideMaster1.xml.rels": _relations(
            [("rId1", "slideLayout", "../slideLayouts/slideLayout1.xml"), ("rId2", "theme", "../theme/theme1.xml")]
        ),
        "ppt/slideLayouts/slideLayout1.xml": _LAYOUT,
        "ppt/slideLayouts/_rels/slideLayout1.xml.rels": _relations(
            [("rId1", "slideMaster", "../slideMasters/slideMaster1.xml")]
        ),
        "ppt/theme/theme1.xml": _theme(colour),
    }
    for number, slide in enumerate(slides, 1):
        files[f"ppt/slides/slide{number}.xml"] = _slide(slide, is_first=number == 1)
        files[f"ppt/slides/_rels/slide{number}.xml.rels"] = _relations(
            [("rId1", "slideLayout", "../slideLayouts/slideLayout1.xml")]
        )
    return files


def _content_types(count: int) -> str:
    parts = [
        ("/ppt/presentation.xml", f"{_PARTS}presentation.main+xml"),
        ("/ppt/slideMasters/slideMaster1.xml", f"{_PARTS}slideMaster+xml"),
        ("/ppt/slideLayouts/slideLayout1.xml", f"{_PARTS}slideLayout+xml"),
        ("/ppt/theme/theme1.xml", "application/vnd.openxmlformats-officedocument.theme+xml"),
        *((f"/ppt/slides/slide{number}.xml", f"{_PARTS}slide+xml") for number in range(1, count + 1)),
    ]
    overrides = "".join(f'<Override PartName="{path}" ContentType="{kind}"/>' for path, kind in parts)
    return (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def _relations(relations: Sequence[tuple[str, str, str]]) -> str:
    inner = "".join(f'<Relationship Id="{one}" Type="{_TYPES}{kind}" Target="{to}"/>' for one, kind, to in relations)
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'
    )


def _presentation(count: int) -> str:
    ids = "".join(f'<p:sldId id="{255 + number}" r:id="rId{number + 1}"/>' for number in range(1, count + 1))
    return (
        f"<p:presentation {_NAMESPACES}>"
        '<p:sldMasterIdLst><p:sldMasterId id="2147483648" r:id="rId1"/></p:sldMasterIdLst>'
        f'<p:sldIdLst>{ids}</p:sldIdLst><p:sldSz cx="{_WIDTH}" cy="{_HEIGHT}"/>'
        f'<p:notesSz cx="{_HEIGHT}" cy="{_WIDTH}"/></p:presentation>'
    )


def _master() -> str:
    names = ("accent1", "accent2", "accent3", "accent4", "accent5", "accent6", "hlink", "folHlink")
    colours = " ".join(f'{name}="{name}"' for name in names)
    return (
        f"<p:sldMaster {_NAMESPACES}><p:cSld>"
        '<p:bg><p:bgRef idx="1001"><a:schemeClr val="bg1"/></p:bgRef></p:bg>'
        f"<p:spTree>{_TREE}</p:spTree></p:cSld>"
        f'<p:clrMap bg1="lt1" tx1="dk1" bg2="lt2" tx2="dk2" {colours}/>'
        '<p:sldLayoutIdLst><p:sldLayoutId id="2147483649" r:id="rId1"/></p:sldLayoutIdLst></p:sldMaster>'
    )


def _theme(colour: str) -> str:
    colours = "".join(
        f'<a:{name}><a:srgbClr val="{value}"/></a:{name}>'
        for name, value in (*_COLOURS[:4], ("accent1", colour), *_COLOURS[4:])
    )
    font = '<a:latin typeface="Calibri"/><a:ea typeface=""/><a:cs typeface=""/>'
    fill = '<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>'
    line = f'<a:ln w="6350">{fill}</a:ln>'
    effect = "<a:effectStyle><a:effectLst/></a:effectStyle>"
    return (
        f'<a:theme {_NAMESPACES.split(" ")[0]} name="Plain"><a:themeElements>'
        f'<a:clrScheme name="Plain">{colours}</a:clrScheme>'
        f'<a:fontScheme name="Plain"><a:majorFont>{font}</a:majorFont><a:minorFont>{font}</a:minorFont></a:fontScheme>'
        f'<a:fmtScheme name="Plain"><a:fillStyleLst>{fill * 3}</a:fillStyleLst><a:lnStyleLst>{line * 3}</a:lnStyleLst>'
        f"<a:effectStyleLst>{effect * 3}</a:effectStyleLst><a:bgFillStyleLst>{fill * 3}</a:bgFillStyleLst>"
        "</a:fmtScheme></a:themeElements></a:theme>"
    )


def _slide(slide: Slide, *, is_first: bool) -> str:
    title_y, size = (2_400_000, 4400) if is_first else (450_000, 3200)
    shapes = _box(2, "Title", (title_y, 1_300_000), [slide.title], size=size, is_title=True)
    if slide.lines:
        size = 2000 if len(slide.lines) <= 10 else 1400
        shapes += _box(3, "Text", (1_900_000, 4_500_000), slide.lines, size=size, is_title=False)
    return f"<p:sld {_NAMESPACES}><p:cSld><p:spTree>{_TREE}{shapes}</p:spTree></p:cSld></p:sld>"


def _box(number: int, name: str, place: tuple[int, int], lines: Sequence[str], *, size: int, is_title: bool) -> str:
    y, height = place
    colour = '<a:solidFill><a:schemeClr val="accent1"/></a:solidFill>' if is_title else ""
    bullet = "" if is_title else '<a:pPr marL="285750" indent="-285750"><a:buChar char="&#8226;"/></a:pPr>'
    weight = ' b="1"' if is_title else ""
    run = f'<a:rPr sz="{size}"{weight}>{colour}</a:rPr>'
    texts = [escape(_FORBIDDEN.sub("", line)) for line in lines]
    paragraphs = "".join(f"<a:p>{bullet}<a:r>{run}<a:t>{text}</a:t></a:r></a:p>" for text in texts)
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{number}" name={quoteattr(name)}/><p:cNvSpPr txBox="1"/><p:nvPr/></p:nvSpPr>'
        f'<p:spPr><a:xfrm><a:off x="700000" y="{y}"/><a:ext cx="{_WIDTH - 1_400_000}" cy="{height}"/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr>'
        f'<p:txBody><a:bodyPr wrap="square"><a:normAutofit/></a:bodyPr><a:lstStyle/>{paragraphs}</p:txBody></p:sp>'
    )
