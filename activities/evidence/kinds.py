"""What an uploaded file is, by its bytes; what is not on the list is refused with what to send instead."""

import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

from activities.evidence.pictures import NotAPicture, measured
from domain.policy import Strict

_MEGA = 1024 * 1024
_OFFICE = {
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "application/pdf": ".pdf",
    _OFFICE["xl/workbook.xml"]: ".xlsx",
    _OFFICE["word/document.xml"]: ".docx",
}
_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_LARGEST_DIRECTORY = _MEGA // 2  # of an archive: some 5,000 parts, where a report has some dozens


class Limits(Strict):
    """How large a file may be."""

    photo_bytes: int
    photo_pixels: int
    paper_bytes: int


class Kind(Strict):
    """What a file is; width and height of a photo as it is seen, after the camera's turn."""

    media_type: str
    width: int | None = None
    height: int | None = None

    @property
    def is_photo(self) -> bool:
        return self.media_type.startswith("image/")

    @property
    def ending(self) -> str:
        return _ENDINGS[self.media_type]


class Words(NamedTuple):
    en: str
    zh: str


class UnfitFile(Exception):
    """A file that is not taken: what is wrong with it, and what to send instead."""

    def __init__(self, what: Words, mend: Words) -> None:
        super().__init__(what.en)
        self.what, self.mend = what, mend

    @property
    def words(self) -> str:
        """Both languages in a line."""
        return f"{self.what.en}: {self.mend.en} / {self.what.zh}，{self.mend.zh}"


_ALLOWED = Words(
    "send a JPEG, PNG or WebP photo, or a PDF, XLSX or DOCX", "请发送 JPEG、PNG、WebP 照片或 PDF、XLSX、DOCX"
)


def told(path: Path, limits: Limits) -> Kind:
    """What the file is. Raises `UnfitFile` for kinds that are not taken, and for what is too large or damaged."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(32)
    if not head:
        raise UnfitFile(Words("the file is empty", "文件是空的"), _ALLOWED)
    if photo := _photo(head):
        _refuse_large(size, limits.photo_bytes)
        try:
            width, height = measured(path, most_pixels=limits.photo_pixels)
        except NotAPicture as error:
            raise UnfitFile(Words(error.en, error.zh), Words("take it again", "请重新拍摄")) from error
        return Kind(media_type=photo, width=width, height=height)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        mend = Words("set the camera to JPEG (“most compatible”)", "请将相机格式设为 JPEG（兼容性最佳）")
        raise UnfitFile(Words("HEIC photos cannot be shown here", "此处无法显示 HEIC 照片"), mend)
    if head.startswith(b"%PDF-"):
        media_type = "application/pdf"
    elif head.startswith(b"PK\x03\x04"):
        media_type = _office(path)
    else:
        raise UnfitFile(Words("this kind of file is not taken", "不接受此类文件"), _ALLOWED)
    _refuse_large(size, limits.paper_bytes)
    return Kind(media_type=media_type)


def _photo(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def _refuse_large(size: int, most: int) -> None:
    if size > most:
        what = Words(f"the file has {size / _MEGA:.1f} MB", f"文件有 {size / _MEGA:.1f} MB")
        raise UnfitFile(what, Words(f"at most {most // _MEGA} MB are taken", f"最大 {most // _MEGA} MB"))


def _office(path: Path) -> str:
    """The kind of an Office document. Its directory is read, nothing in it is unpacked."""
    if _directory_bytes(path) <= _LARGEST_DIRECTORY:
        try:
            with zipfile.ZipFile(path) as archive:
                names = set(archive.namelist())
        except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError):
            names = set()
        if any(name.endswith("vbaProject.bin") for name in names):
            mend = Words("save it without macros", "请另存为不含宏的文件")
            raise UnfitFile(Words("the document has macros", "文件含有宏"), mend)
        if "[Content_Types].xml" in names:
            for part, media_type in _OFFICE.items():
                if part in names:
                    return media_type
    raise UnfitFile(Words("this archive is no XLSX or DOCX", "该压缩文件不是 XLSX 或 DOCX"), _ALLOWED)


def _directory_bytes(path: Path) -> int:
    """How long an archive says its directory is; for one that does not say, or says it in the large form, endless."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - (1 << 16) - 22, 0))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22 or b"PK\x06\x07" in tail[max(at - 20, 0) : at]:
        return _LARGEST_DIRECTORY + 1
    length: int = struct.unpack_from("<I", tail, at + 12)[0]
    return length
