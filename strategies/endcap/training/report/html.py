"""Small pieces of HTML. Everything that comes from a shop's data is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def paragraph(text: str, style: str = "") -> str:
    return f"<p{_style(style)}>{escape(text)}</p>"


def heading(text: str) -> str:
    return f"<h3>{escape(text)}</h3>"


def folded(summary: str, *parts: str) -> str:
    """Shown when asked for."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def terms(entries: Iterable[tuple[str, str]]) -> str:
    inside = "".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in entries)
    return f"<dl>{inside}</dl>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], strong: str = "", text: Sequence[int] = (0,)) -> str:
    """``strong`` is the first cell of the row to set off; ``text`` names the columns that hold words, not figures."""
    cells = "".join(
        f"<th{_style('text' if place in text else '')}>{escape(name)}</th>" for place, name in enumerate(head)
    )
    body = "".join(_row(row, row[0] == strong, text) for row in rows)
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(row: Sequence[str], strong: bool, text: Sequence[int]) -> str:
    cells = "".join(
        f"<td{_style('text' if place in text else '')}>{escape(cell)}</td>" for place, cell in enumerate(row)
    )
    return f"<tr{_style('strong' if strong else '')}>{cells}</tr>"


def _style(name: str) -> str:
    return f' class="{name}"' if name else ""
