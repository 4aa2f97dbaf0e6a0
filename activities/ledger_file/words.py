"""The words in which offices write classes, estates and protections, and what a cell of no meaning says."""

from collections.abc import Mapping
from typing import TypeVar

from domain.account import CustomerClass, Estate, Protection

_Meaning = TypeVar("_Meaning", bound=str)

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans("\u3000\u00a0。￥", "  .¥")


def narrow(text: str) -> str:
    """Half-width letters, digits and signs; NFKC would also turn 86² into 862."""
    return text if text.isascii() else text.translate(_WIDE).strip()


def _by_word(words: Mapping[_Meaning, str]) -> dict[str, _Meaning]:
    return {word: meaning for meaning, line in words.items() for word in line.split()}


CLASSES: Mapping[str, CustomerClass] = _by_word(
    {
        "resident": "居民 居民生活 城镇居民 城市居民 居民家庭 个人 家庭 resident residential",
        "organisation": "单位 企业 非居民 非居民生活 企事业 企事业单位 事业单位 行政事业 机关 机关单位 商业 工业 "
        "工商业 经营 经营性 特种 特种行业 特殊行业 organisation organization nonresident nonresidential company",
    }
)
ESTATES: Mapping[str, Estate] = _by_word(
    {
        "open": "开放式 开放 开放小区 开放式小区 open",
        "gated": "封闭式 封闭 封闭小区 封闭式小区 gated closed",
    }
)
PROTECTIONS: Mapping[str, Protection] = _by_word(
    {
        "hospital": "医院 医疗机构 卫生院 hospital",
        "school": "学校 幼儿园 中小学 school",
        "vulnerable": "困难 困难户 困难群众 特困 特困户 低保 低保户 孤寡老人 残疾 残疾人 vulnerable",
        "shared-master": "总表 总表户 共用总表 合用总表 物业总表 shared-master sharedmaster",
    }
)
NOTHING = frozenset(["-", "--", "/", "无", "暂无", "否", "none", "n/a", "null"])
FORMULA_ERRORS = frozenset(["#N/A", "#DIV/0!", "#REF!", "#NAME?", "#VALUE!", "#NUM!", "#NULL!"])
