"""Refusals: why a command changes nothing, in words a person can act on."""

from typing import Literal

RefusalCode = Literal[
    "not-open", "wrong-role", "four-eyes", "form-invalid", "gate", "interlock", "duplicate", "unknown"
]


class Refused(Exception):
    """A command that is not carried out. `code` is fixed vocabulary; `message` says what, where and what to do.

    `zh` says it in Chinese, where somebody on a page is likely to meet it; empty elsewhere.
    """

    def __init__(self, code: RefusalCode, message: str, *, zh: str = "") -> None:
        super().__init__(message)
        self.code: RefusalCode = code
        self.message = message
        self.zh = zh
