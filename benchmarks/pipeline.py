"""Endcap's pipeline against a plain one, stage by stage, in one run: `python -m benchmarks.pipeline --json out.json`.

Both answer the same requests from the same bundle, in turn, on one thread and one core; before anything is timed they
have to recall the same candidates and give the same slates. Ratios are plain divided by ours. Without a bundle of the
demo's shop, and with --quick, made shops of 10,000 and 100,000 items are measured instead.
"""

from __future__ import annotations

import argparse
import gc
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

import benchmarks.one_thread  # noqa: F401  (before numpy)
from benchmarks.common import OUT, WORK, bundle_of, machine, on_cores, ratio, write_json
from benchmarks.contest import SIZE, Answer, Measured, Ours, Request, contest
from benchmarks.plain import recall
from benchmarks.plain.pipeline import PlainHybrid
from benchmarks.plain.search import PlainEncoder, PlainSearch, Words
from benchmarks.plain.shop import PlainShop
from benchmarks.searches import searches
from benchmarks.trees import trees_of
from endcap.bundle.folder import Bundle
from endcap.strategies.text.space import text_space

SEED = 11
ALIKE = 1e-3
"""Scores that differ by less than this are a tie: sums in another order, float32 against float64."""
LEAST_SHARED = 0.99
"""Of the candidates. The index of texts is a graph, which the flat one is not: that costs a few of the text's items."""


class Plain:
    """The plain pipeline as a contender."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.shop = PlainShop(bundle)
        self.texts = recall.Texts(bundle, self.shop)
        self.hybrid = PlainHybrid(bundle, self.shop, self.texts)
        self.search = PlainSearch(bundle, self.shop, self.texts, PlainEncoder(_text_model()), Words(bundle))

    def __call__(self, request: Request) -> Answer:
        if request.text:
            return Answer(*self.search.rank(request.user, request.text, SIZE))
        return Answer(*self.hybrid.rank(request.user, SIZE))

    def with_vector(self, request: Request) -> Answer:
        """Of a search by Endcap's own vector: int8 and fp32 do not agree on the last of 200 texts."""
        vector = text_space(self.bundle).encoder.encode_one(request.text)
        return Answer(*self.search.rank(request.user, request.text, SIZE, np.array(vector)))


def _text_model() -> Path:
    from endcap.training.text.folder import find_model

    return find_model(None).folder


class Agreement(NamedTuple):
    requests: int
    shared_candidates: float
    """Of either's, the mean over requests."""
    equal_slates: float
    shared_slate: float

    def check(self, what: str) -> None:
        if self.shared_candidates < LEAST_SHARED or self.shared_slate < LEAST_SHARED:
            raise AssertionError(f"{what}: plain and ours do not rank the same: {self}")


def agreement(ours: Ours, plain: Plain, requests: list[Request]) -> Agreement:
    shared, equal, slates = [], [], []
    for request in requests:
        mine, theirs = ours(request), plain.with_vector(request) if request.text else plain(request)
        own, other = set(ours.candidates(request)), set(theirs.candidates)
        shared.append(len(own & other) / max(len(own | other), 1))
        equal.append(same_order(mine, theirs))
        slates.append(len(set(mine.items) & set(theirs.items)) / max(len(mine.items), 1))
    return Agreement(len(requests), *(round(float(np.mean(each)), 4) for each in (shared, equal, slates)))


def same_order(one: Answer, other: Answer) -> bool:
    """Whether the slates are equal but for ties."""
    scores = np.abs(np.array(one.scores) - np.array(other.scores[: len(one.scores)])) < ALIKE
    moved = np.array(one.items) != np.array(other.items[: len(one.items)])
    return len(one.items) == len(other.items) and bool((scores | ~moved).all())


def measure(bundle: Bundle, rounds: int, requests: int, console: Console) -> dict[str, Any]:
    """Everything that one bundle is measured for."""
    console.print(f"Reading {bundle.manifest.version} for the plain pipeline")
    ours, plain = Ours(bundle), Plain(bundle)
    gc.collect()
    gc.freeze()
    users = shoppers(bundle, requests)
    texts = searches(bundle, (rounds + 1) * requests + requests, SEED)
    browsing = [Request(user) for user in users]
    asking = [Request(user, text) for user, text in zip(users, texts[-requests:], strict=True)]
    agreed = {"no_text": agreement(ours, plain, browsing), "text": agreement(ours, plain, asking)}
    for what, each in agreed.items():
        each.check(what)
    with on_cores({max(os.sched_getaffinity(0))}):
        found = {
            "no_text": contest({"ours": ours, "plain": plain}, [browsing] * (rounds + 1)),
            "text": contest({"ours": ours, "plain": plain}, fresh(users, texts, rounds + 1)),
        }
        trees = trees_of(bundle, browsing, ours, rounds)
    return {
        "bundle": bundle.manifest.version,
        "counts": bundle.manifest.counts,
        "agreement": {what: each._asdict() for what, each in agreed.items()},
        "rounds": rounds,
        "requests_a_round": requests,
        **told(found),
        "trees": trees,
    }


def fresh(users: list[int], texts: list[str], rounds: int) -> list[list[Request]]:
    """Searches that nobody asked before: each has to be encoded."""
    own = [texts[start : start + len(users)] for start in range(0, rounds * len(users), len(users))]
    return [[Request(user, text) for user, text in zip(users, part, strict=True)] for part in own]


def told(found: dict[str, dict[str, Measured]]) -> dict[str, Any]:
    return {
        "cpu_ratio": {what: ratio(each["plain"].cpu_ms, each["ours"].cpu_ms) for what, each in found.items()},
        "p50_ms": {what: round(each["ours"].p50_ms, 3) for what, each in found.items()},
        "measured": {what: {name: m.told() for name, m in each.items()} for what, each in found.items()},
    }


def shoppers(bundle: Bundle, count: int) -> list[int]:
    """Shoppers with events, drawn by seed."""
    known = np.flatnonzero(np.diff(bundle.histories.offsets))
    return np.random.default_rng(SEED).choice(known, count, replace=len(known) < count).tolist()


def print_measured(console: Console, found: dict[str, Any]) -> None:
    for what, measured in found["measured"].items():
        ours, plain = measured["ours"], measured["plain"]
        table = Table(title=f"{found['bundle']}, {what}: ms of one core", title_justify="left")
        for heading in ("stage", "plain", "ours", "ratio"):
            table.add_column(heading, justify="left" if heading == "stage" else "right")
        for stage in sorted({*plain["stages_ms"], *ours["stages_ms"]}):
            _row(table, stage, plain["stages_ms"].get(stage), ours["stages_ms"].get(stage))
        _row(table, "whole, processor", plain["cpu_ms"], ours["cpu_ms"])
        _row(table, "whole, p50", plain["p50_ms"], ours["p50_ms"])
        console.print(table)
    console.print({"agreement": found["agreement"], "trees": found["trees"]})


def _row(table: Table, name: str, plain: float | None, ours: float | None) -> None:
    times = ratio(plain, ours)
    table.add_row(
        name, *("–" if each is None else f"{each:.2f}" for each in (plain, ours)), f"{times:.1f}x" if times else ""
    )


def main() -> None:
    options, console = _options(), Console()
    bundle = None if options.quick else bundle_of(options.bundle)
    found: dict[str, Any] = {"quick": options.quick, "machine": machine(), "ndcg": {"plain": None, "ours": None}}
    if bundle is not None:
        found |= measure(bundle, options.rounds, options.requests, console)
        print_measured(console, found)
    write_json(options.json, found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, help="a bundle, or a folder of them")
    parser.add_argument("--tables", type=Path, default=WORK / "tables", help="the demo's tables, for the NDCG")
    parser.add_argument("--json", type=Path, default=OUT / "pipeline.json")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=60, help="requests a round")
    parser.add_argument("--quick", action="store_true", help="made shops of 10,000 and 100,000 items, two minutes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
