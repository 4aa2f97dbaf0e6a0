"""Pictures of photos to be shown: smaller, turned upright, and without what the camera wrote beside them (place, name).

Decoding takes memory by the pixel, not by the byte: the size is asked first, JPEG is decoded at a fraction, and only
a few are decoded at a time.
"""

import warnings
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO

from PIL import Image, ImageOps, UnidentifiedImageError

SIZES = {"thumb": 240, "preview": 1600}
"""Longest side in pixels."""
_FORMATS = ("JPEG", "PNG", "WEBP")
_AT_ONCE = BoundedSemaphore(2)
_BROKEN = (OSError, UnidentifiedImageError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError)
"""What Pillow raises for damaged files, on its way through their headers."""


class NotAPicture(Exception):
    """A photo that cannot be opened, or has more pixels than are taken."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en, self.zh = en, zh


def measured(path: Path, *, most_pixels: int) -> tuple[int, int]:
    """Width and height as seen, of a photo that can be decoded to its end. Raises `NotAPicture`."""
    with _opened(path) as image:
        width, height = image.size
        if width * height > most_pixels:
            raise NotAPicture(
                f"the photo has {width} × {height} pixels, more than {most_pixels // 1_000_000} million",
                f"照片有 {width} × {height} 像素，超过 {most_pixels // 1_000_000} 百万",
            )
        try:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        except _BROKEN as error:
            raise _damaged() from error
    upright(path, SIZES["preview"])
    return (height, width) if turned else (width, height)


def picture(path: Path, longest: int, into: IO[bytes]) -> None:
    """Write the photo as a JPEG of at most so many pixels a side. Raises `NotAPicture`."""
    upright(path, longest).save(into, "JPEG", quality=82, optimize=True, progressive=True)


def upright(path: Path, longest: int) -> Image.Image:
    """The photo turned as the camera was held, on white, its pixels and nothing else. Raises `NotAPicture`."""
    with _AT_ONCE, _opened(path) as image:
        try:
            image.draft("RGB", (longest, longest))
            image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
            shown = ImageOps.exif_transpose(image)
            clear = shown.convert("RGBA") if shown.has_transparency_data else None
            bare = Image.new("RGB", shown.size, "white")
            bare.paste(clear or shown.convert("RGB"), mask=clear)
        except (*_BROKEN, MemoryError, Image.DecompressionBombError) as error:
            raise _damaged() from error
    return bare


def _opened(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(path, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise NotAPicture("the photo has far too many pixels", "照片像素过多") from error
    except _BROKEN as error:
        raise _damaged() from error


def _damaged() -> NotAPicture:
    return NotAPicture("the photo is damaged", "照片已损坏")
