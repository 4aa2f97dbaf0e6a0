"""The kinds of connection projects: 单表, 园区, 线性工程, 临时用水."""

from typing import Literal, get_args

Kind = Literal["single", "estate", "linear", "temporary"]
KINDS: tuple[Kind, ...] = get_args(Kind)
