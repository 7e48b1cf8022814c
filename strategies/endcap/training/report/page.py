"""The whole report, from the very numbers that the JSON holds."""

from __future__ import annotations

from html import escape
from typing import Any

from endcap.training.report.html import paragraph
from endcap.training.report.model import ablation, calibration, features, recall_ceiling
from endcap.training.report.people import fairness, for_whom
from endcap.training.report.quality import beyond, quality, tests, who
from endcap.training.report.style import STYLE
from endcap.training.report.words import how_measured, lead, setting, warnings

SECTIONS = (
    quality,
    tests,
    who,
    beyond,
    for_whom,
    fairness,
    recall_ceiling,
    features,
    calibration,
    ablation,
    how_measured,
)


def page(found: dict[str, Any]) -> str:
    """One HTML file that needs no other: ``found`` is what ``evaluate`` gave."""
    title = f"Ranking quality: {found['shop']}"
    parts = [f"<h1>{escape(title)}</h1>", paragraph(setting(found), "soft"), paragraph(lead(found), "lead")]
    parts += warnings(found)
    parts += [each(found) for each in SECTIONS]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )
