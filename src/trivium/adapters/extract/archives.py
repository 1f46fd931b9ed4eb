"""Zip files that a stranger made, and the XML in them."""

import io
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree as Xml
from xml.parsers import expat

from trivium.adapters.extract.outcome import Problem

_UNPACKED_MAX_BYTES = 400 << 20
_RATIO_MAX = 200
_MEMBERS_MAX = 20_000


def open_archive(data: bytes) -> zipfile.ZipFile:
    """Return the archive; Problem when it is damaged, encrypted or would unpack to more than 400 MiB."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Problem("unreadable", "The file is damaged: its contents cannot be unpacked.") from error
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    if len(members) > _MEMBERS_MAX or unpacked > _UNPACKED_MAX_BYTES:
        raise Problem("too_large", "The file unpacks to more than is allowed (400 MB or 20,000 parts).")
    if any(member.flag_bits & 1 for member in members):
        raise Problem("encrypted", "The file is protected by a password; upload a copy without it.")
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a part's bytes; what its header says of its size is not believed."""
    try:
        with archive.open(name) as member:
            data = member.read(_UNPACKED_MAX_BYTES + 1)
    except KeyError as error:
        raise Problem("unreadable", "The file is damaged: a part of it is missing.") from error
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise Problem("unreadable", "The file is damaged: its contents cannot be unpacked.") from error
    if len(data) > _UNPACKED_MAX_BYTES or len(data) > (1 << 20) + _RATIO_MAX * archive.getinfo(name).compress_size:
        raise Problem("too_large", "The file unpacks to far more than its size; this looks like an attack.")
    return data


def parse_xml(data: bytes) -> Xml.Element:
    """Return the root; a document type declaration is refused, because entities can grow without bound."""
    builder = Xml.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = lambda name, attributes: builder.start(
        _clark(name), {_clark(key): value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda name: builder.end(_clark(name))
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, AssertionError, ValueError) as error:
        raise Problem("unreadable", "The file is damaged: a part of it is not valid XML.") from error


def elements(root: Xml.Element, name: str) -> Iterator[Xml.Element]:
    """Yield the elements of this name in any namespace."""
    return (node for node in root.iter() if node.tag.rpartition("}")[2] == name)


def _clark(name: str) -> str:
    return "{" + name if "}" in name else name


def _refuse(*_: object) -> None:
    raise Problem("unreadable", "The file declares XML entities, which are not accepted.")
