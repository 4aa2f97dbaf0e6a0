"""One XML part of a workbook as a stream: what is finished is handed on and forgotten."""

import zipfile
from collections.abc import Iterator
from xml.etree.ElementTree import Element, TreeBuilder, XMLParser  # document types are refused below

_CHUNK = 1 << 16
_LONGEST = 1 << 22  # of one element, unpacked: 16,384 cells of 250 bytes
LARGEST_PART = 1 << 25


class _Plain(TreeBuilder):
    def doctype(self, *_: object) -> None:
        raise ValueError("a document type declaration")


def finished(
    book: zipfile.ZipFile, name: str, *, depth: int, largest: int = LARGEST_PART
) -> Iterator[tuple[Element, Element]]:
    """Each element so far below the document element, with its parent, as soon as it is complete.

    Raises `ValueError` for a document type and for a part or element of a size that no spreadsheet program writes.
    """
    info = book.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.file_size > largest:
        raise ValueError("packed in a way, or to a size, that no spreadsheet program writes")
    builder = _Plain()
    root = builder.start("part", {})
    parser = XMLParser(target=builder)  # noqa: S314
    unfinished = 0
    with book.open(info) as stream:
        while chunk := stream.read(_CHUNK):
            parser.feed(chunk)
            unfinished += len(chunk)
            for found in _ripe(root, depth, growing=True):
                unfinished = 0
                yield found
            if unfinished > _LONGEST:
                raise ValueError("a row or cell without end")
    parser.close()
    yield from _ripe(root, depth, growing=False)


def _ripe(parent: Element, depth: int, *, growing: bool) -> Iterator[tuple[Element, Element]]:
    """What is complete below an element: of one that still grows, all but its last child."""
    for child in parent:
        open_ = growing and child is parent[-1]
        if depth:
            yield from _ripe(child, depth - 1, growing=open_)
        elif not open_:
            yield parent, child
    del parent[: len(parent) - growing]


def local(name: str) -> str:
    """A tag or attribute without its namespace."""
    return name.rpartition("}")[2]


def attributes(element: Element) -> dict[str, str]:
    return {local(key): value for key, value in element.attrib.items()}
