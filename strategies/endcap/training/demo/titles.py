"""Readable titles from a till system's shouted, shortened and cut-off product texts."""

from __future__ import annotations

import re

CUT_AT = 30
"""The source's texts end here, in the middle of a word where need be."""

WORDS = {
    "beerale": "beer & ale", "beeralemalt": "beer, ale & malt", "bev": "beverage", "bg": "bag", "bkd": "baked",
    "bn": "bean", "brd": "breaded", "brkfst": "breakfast", "btl": "bottle", "btr": "butter", "carb": "carbonated",
    "catfd": "cat food", "chix": "chicken", "chococlate": "chocolate", "ckys": "cookies", "cleang": "cleaning",
    "cnd": "canned", "cndy": "candy", "cntrl": "control", "conc": "concentrate", "crbntd": "carbonated",
    "crkr": "cracker", "crmd": "creamed", "crystl": "crystal", "dnr": "dinner", "dnrs": "dinners", "dogfd": "dog food",
    "drnk": "drink", "drnking": "drinking", "drnkng": "drinking", "drnks": "drinks", "drsng": "dressing", "dsh": "dish",
    "elect": "electrical", "ex": "except", "excp": "except", "fd": "food", "fem": "feminine", "flvr": "flavor",
    "flvrd": "flavored", "frz": "frozen", "frzn": "frozen", "gds": "goods", "gm": "general merchandise",
    "grnd": "ground", "hygn": "hygiene", "incl": "including", "ingred": "ingredients", "iqf": "individually frozen",
    "iws": "individually wrapped", "jce": "juice", "marin": "marinade", "misc": "miscellaneous", "mixs": "mixes",
    "mlk": "milk", "mlt": "multi", "mneral": "mineral", "mnrl": "mineral", "mult": "multi", "mw": "microwave",
    "mx": "mix", "mxs": "mixes", "nz": "New Zealand", "pckgd": "packaged", "pk": "pack", "pkg": "package",
    "pkgd": "packaged", "pkld": "pickled", "plstc": "plastic", "pnt": "peanut", "prem": "premium", "prep": "prepared",
    "prod": "produce", "pwdr": "powder", "pwdrs": "powders", "refigerated": "refrigerated",
    "refrgratd": "refrigerated", "refrig": "refrigerated", "reg": "regular", "rts": "ready to serve", "sald": "salad",
    "saucessalsapicantee": "sauces, salsa & picante", "saus": "sausage", "sft": "soft", "sgl": "single",
    "sherbts": "sherbets", "shlfsh": "shellfish", "slc": "sliced", "sndwch": "sandwich", "sngl": "single",
    "snks": "snacks", "snsl": "seasonal", "specilaty": "specialty", "sply": "supplies", "sprd": "spread",
    "srv": "serve", "ss": "single serve", "stk": "stick", "sup": "super", "supp": "supplements",
    "suppplies": "supplies", "sv": "serve", "sw": "sweet", "tiss": "tissue", "trsh": "trash", "vend": "vending",
    "whl": "whole", "whlsm": "wholesome", "whs": "warehouse", "wt": "weight", "wtr": "water", "xmas": "Christmas",
}  # fmt: skip
AS_THEY_ARE = {
    word.lower(): word for word in ("BBQ", "CD", "DVD", "HBC", "NFL", "OJ", "OTC", "QSR", "SPF", "TV", "VHS")
}
NO_TOPIC = frozenset(("all", "and", "miscellaneous", "needs", "other", "others", "product", "products"))

_WORD = re.compile(r"[a-z]+")
_SPACING = (
    (re.compile(r"\bdrug gm\b"), "drug & general merchandise"),
    (re.compile(r"\s*&\s*"), " & "),
    (re.compile(r"([:,)])(?=[\w(])"), r"\1 "),
    (re.compile(r"(?<=\d)(?=pk\b)"), " "),  # 15pk
    (re.compile(r"(?<=[a-z])\.\s*"), " "),  # misc. dairy
    (re.compile(r"(?<=[a-z]) s\b"), "'s"),  # women s
)
_FRAGMENT = re.compile(r"[\s/-]+(?:[a-z]{1,3}|incl|excp)$")
_SIZE_UNITS = {"dz": "dozen", "dzn": "dozen", "doz": "dozen", "ga": "gal", "galon": "gal", "l": "L", "ea": "each"}


def title(kind: str | None, category: str | None, department: str, size: str | None, label: str) -> str:
    """What the item is, its category where that says something new, its size, and whether it is the store's own."""
    kind, category = readable(kind), readable(category)
    name = kind or category or readable(department)
    if kind and category and not _topics(kind) & _topics(category):
        name += f", {_inside(category)}"
    own = " (store brand)" if label == "Private" else ""
    return f"{name} {tidy_size(size)}".strip() + own


def readable(text: str | None) -> str:
    """Sentence case, spelled out, without the remains of a word that was cut off."""
    words = " ".join(_whole((text or "").lower()).split())
    for pattern, spaced in _SPACING:
        words = pattern.sub(spaced, words)
    words = _WORD.sub(lambda word: WORDS.get(word[0]) or AS_THEY_ARE.get(word[0], word[0]), words).strip()
    return words[:1].upper() + words[1:]


def tidy_size(size: str | None) -> str:
    """``"1.50  OZ"`` and ``"1.5 OZ"`` are both ``"1.5 oz"``."""
    text = " ".join((size or "").lower().split())
    text = re.sub(r"(?<![\d.])\.(?=\d)", "0.", text)
    text = re.sub(r"(\.\d*?)0+(?!\d)", r"\1", text)
    text = re.sub(r"\.(?!\d)", "", text)
    return _WORD.sub(lambda word: _SIZE_UNITS.get(word[0], word[0]), text)


def _whole(text: str) -> str:
    """Without the half word that a cut left, and with no bracket open."""
    cut = len(text) >= CUT_AT
    if text.count("(") > text.count(")"):
        return _closed(text, cut)
    return _FRAGMENT.sub("", text) if cut else text


def _closed(text: str, cut: bool) -> str:
    """The last bracket is closed; where the text was cut, after the last whole part in it."""
    if text.count("(") <= text.count(")"):
        return text
    head, _, tail = text.rpartition("(")
    tail = tail.rpartition("/")[0] if cut else tail
    return _closed(head, cut=False) + f"({tail})" if tail else _closed(head.rstrip(), cut=False)


def _topics(text: str) -> set[str]:
    """Words without their plural s, so that "Yogurt" finds "yogurts"."""
    return {word.removesuffix("s") for word in _WORD.findall(text.lower()) if word not in NO_TOPIC and len(word) > 2}


def _inside(text: str) -> str:
    """As in the middle of a sentence."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
