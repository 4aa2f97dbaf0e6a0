"""What is printed for people: a paper is values alone, and how it looks is a template of the pack (`policies/papers/`).

A paper says what is on it in plain words and figures. It holds no layout, and a template decides nothing.
"""

from typing import Any

from pydantic import AwareDatetime, SerializationInfo, SerializerFunctionWrapHandler, model_serializer

from domain.policy import Strict


class Paper(Strict):
    """One paper. `dated_at` is when it was made out: equal papers print as equal bytes, whenever that is done.

    In a template a field is what JSON makes of it: text, whole numbers, lists and objects; money is a string in yuan
    (`Yuan`), a day `2026-03-12`, None is `none`.
    """

    title: str
    dated_at: AwareDatetime


class Code(Strict):
    """A QR code. In a template it is `(text: …, svg: …)`: `qr(d.code, 28mm)` of `letter.typ` draws it."""

    text: str

    @model_serializer(mode="wrap")
    def _drawn(self, plain: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        draw = (info.context or {}).get("draw")
        return {**plain(self), "svg": draw(self.text)} if draw else plain(self)


class Picture(Strict):
    """A picture that is printed with the paper, named by the hash of the photo it was made of."""

    sha256: str
