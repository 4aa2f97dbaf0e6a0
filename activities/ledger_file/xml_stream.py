"""One XML part of a workbook as a stream of expat's calls: no tree is built, so none can fill the memory."""

from collections.abc import Callable, Iterator
from xml.parsers import expat
from zipfile import ZipFile

Attributes = dict[str, str]

_CHUNK = 1 << 16
# Unpacked sizes: a full sheet of 1,048,576 rows fits; a part that swells does not, nor what memory has to hold of it.
LARGEST_SHEET, LARGEST_STRINGS, _LARGEST = 1 << 30, 1 << 28, 1 << 25
_LONGEST_TEXT, _MOST_ELEMENTS = 100_000, 200_000  # Excel allows 32,767 characters in a cell
_LONGEST_TAG = 1 << 20  # expat keeps an unfinished one, and reads it again from its start with every chunk


def local(name: str) -> str:
    """The name of an element or attribute without its namespace."""
    return name.rpartition(":")[2]


def elements(book: ZipFile, part: str) -> list[tuple[str, Attributes]]:
    """Every element of a small part by local name, in document order; attributes by local name, too."""
    found: list[tuple[str, Attributes]] = []
    parser = expat.ParserCreate()

    def start(tag: str, attributes: Attributes) -> None:
        found.append((local(tag), {local(key): value for key, value in attributes.items()}))
        if len(found) > _MOST_ELEMENTS:
            raise ValueError("too many elements")

    parser.StartElementHandler = start
    for _ in _fed(parser, book, part, _LARGEST):
        pass
    return found


def texts(
    book: ZipFile,
    part: str,
    holder: str,
    found: Callable[[Attributes, str], None],
    row: Callable[[Attributes], None] = lambda _: None,
    *,
    largest: int,
) -> Iterator[None]:
    """Calls `found` with attributes and plain text of each `holder`, `row` where one begins; yields after each chunk.

    How a text is pronounced (`rPh`) is no part of it. Closures, not methods: they run some ten million times a ledger.
    """
    pieces: list[str] = []
    held: Attributes = {}
    size = 0
    reading = phonetic = False

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal held, size, reading, phonetic
        if ":" in tag:
            tag = local(tag)
        if tag == "v" or tag == "t":
            reading = not phonetic
        elif tag == holder:
            pieces.clear()
            held, size = attributes, 0
        elif tag == "row":
            row(attributes)
        elif tag == "rPh":
            phonetic = True

    def end(tag: str) -> None:
        nonlocal reading, phonetic
        if ":" in tag:
            tag = local(tag)
        if tag == "v" or tag == "t":
            reading = False
        elif tag == holder:
            found(held, "".join(pieces))
        elif tag == "rPh":
            phonetic = False

    def text(data: str) -> None:
        nonlocal size
        if reading:
            pieces.append(data)
            size += len(data)
            if size > _LONGEST_TEXT:
                raise ValueError("a cell without end")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    return _fed(parser, book, part, largest)


def _fed(parser: expat.XMLParserType, book: ZipFile, part: str, largest: int) -> Iterator[None]:
    """A part fed to its parser, chunk by chunk; a document type, with the entities it may bring, is refused."""

    def no_doctype(*_: object) -> None:
        raise ValueError("a document type declaration")

    parser.StartDoctypeDeclHandler = no_doctype
    parser.buffer_text = True
    if book.getinfo(part).file_size > largest:
        raise ValueError("unpacks to a size that no spreadsheet program writes")
    with book.open(part) as stream:
        fed = 0
        while chunk := stream.read(_CHUNK):
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > _LONGEST_TAG:
                raise ValueError("a tag without end")
            yield
    parser.Parse(b"", True)
    yield
