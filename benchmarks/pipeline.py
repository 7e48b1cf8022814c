"""Endcap's pipeline against a plain one, stage by stage, in one run: `python -m benchmarks.pipeline --json out.json`.

Both answer the same requests from the same bundle, round by round, on one thread and one core; before anything is timed
they have to recall the same candidates and give the same slates. Ratios are plain divided by ours. Without a bundle of
the demo's shop, and with --quick, made shops of 10,000 and 100,000 items are measured instead.
"""

from __future__ import annotations

import argparse
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.common import DAYS, OUT, WORK, bundle_of, machine, on_cores, ratio, write_json
from benchmarks.contest import SIZE, Answer, Measured, Ours, Request, contest
from benchmarks.made_shop import QUICK_SIZES, Ranking, Size, made_bundle
from benchmarks.plain import recall
from benchmarks.plain.pipeline import PlainHybrid
from benchmarks.plain.search import PlainEncoder, PlainSearch, Words
from benchmarks.plain.shop import PlainShop
from benchmarks.searches import searches
from benchmarks.shoppers import shoppers
from benchmarks.trees import trees_of
from endcap.bundle.folder import Bundle, BundleError, open_bundle
from endcap.strategies.text.space import text_space

SEED = 11
ALIKE = 1e-3
"""Scores that differ by less than this are a tie: sums in another order, float32 against float64."""
LEAST_SHARED, LEAST_SLATE = 0.95, 0.95
"""Of the candidates and of the slates, on average; what was found is written down. The index of texts
finds .99 of what the flat one finds; implicit solves in float32, so that near neighbours in a ranking change places."""
LEAST_EXACT = 0.99
"""The same of searches where ours compares all texts too, as the plain one does: then nothing but ties may differ."""


class Plain:
    """The plain pipeline as a contender."""

    def __init__(self, bundle: Bundle, table: dict[str, Any] | None = None) -> None:
        self.bundle = bundle
        self.shop = PlainShop(bundle)
        self.texts = recall.Texts(bundle, self.shop)
        self.hybrid = PlainHybrid(bundle, self.shop, self.texts, table)
        self.search = PlainSearch(bundle, self.shop, self.texts, PlainEncoder(_text_model()), Words(bundle))

    def __call__(self, request: Request) -> Answer:
        if request.text:
            return Answer(*self.search.rank(request.user, request.text, SIZE))
        return Answer(*self.hybrid.rank(request.user, SIZE))

    def with_given_vector(self, request: Request) -> Answer:
        """As Endcap's own encoder reads a search: int8 and fp32 do not agree on the last of 200 texts."""
        if not request.text:
            return Answer(*self.hybrid.rank(request.user, SIZE))
        vector = np.array(text_space(self.bundle).encoder.encode_one(request.text))
        return Answer(*self.search.rank(request.user, request.text, SIZE, vector))


def _text_model() -> Path:
    from endcap.training.text.folder import find_model

    return find_model(None).folder


class Agreement(NamedTuple):
    requests: int
    shared_candidates: float
    """Of either's, the mean over requests."""
    equal_slates: float
    shared_slate: float

    def check(self, what: str, least_shared: float = LEAST_SHARED, least_slate: float = LEAST_SLATE) -> None:
        if self.shared_candidates < least_shared or self.shared_slate < least_slate:
            raise AssertionError(f"{what}: plain and ours do not rank the same: {self}")


def agreement(ours: Ours, plain: Plain, requests: list[Request]) -> Agreement:
    shared, equal, slates = [], [], []
    for request in requests:
        mine, theirs = ours(request), plain.with_given_vector(request)
        own, other = set(ours.candidates(request)), set(theirs.candidates)
        shared.append(len(own & other) / max(len(own | other), 1))
        equal.append(same_order(mine, theirs))
        slates.append(len(set(mine.items) & set(theirs.items)) / max(len(mine.items), 1))
    return Agreement(len(requests), *(round(float(np.mean(each)), 4) for each in (shared, equal, slates)))


@contextmanager
def all_texts_compared(bundle: Bundle) -> Iterator[None]:
    """Inside, Endcap's index of texts has no sketches."""
    space = text_space(bundle)
    usual, space.index = space.index, space.index.exact()
    try:
        yield
    finally:
        space.index = usual


def same_order(one: Answer, other: Answer) -> bool:
    """Whether the slates are equal but for ties."""
    scores = np.abs(np.array(one.scores) - np.array(other.scores[: len(one.scores)])) < ALIKE
    moved = np.array(one.items) != np.array(other.items[: len(one.items)])
    return len(one.items) == len(other.items) and bool((scores | ~moved).all())


def measure(
    bundle: Bundle, rounds: int, requests: int, console: Console, table: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Everything that one bundle is measured for; ``table`` is its default strategy where that is not ``hybrid``."""
    console.print(f"Reading {bundle.manifest.version} for the plain pipeline")
    ours, plain = Ours(bundle), Plain(bundle, table)
    gc.collect()
    gc.freeze()
    users = shoppers(bundle, requests, SEED)
    texts = searches(bundle, (rounds + 1) * requests + requests, SEED)
    browsing = [Request(user) for user in users]
    asking = [Request(user, text) for user, text in zip(users, texts[-requests:], strict=True)]
    agreed = {"no_text": agreement(ours, plain, browsing), "text": agreement(ours, plain, asking)}
    agreed["no_text"].check("no_text")
    agreed["text"].check("text")
    with all_texts_compared(bundle):
        agreed["text_exact"] = agreement(ours, plain, asking)
    agreed["text_exact"].check("text, by an exact index", LEAST_EXACT, LEAST_EXACT)
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


def judged(bundle: Bundle, tables: Path, console: Console) -> dict[str, float | None]:
    """NDCG@10 of both on the 28 days that the bundle has not seen; null where it has, or its tables are not there."""
    from endcap.cli._demo.preparation import write_tables
    from endcap.training.config import load_config
    from endcap.training.data.read import read_shop
    from endcap.training.evaluate.evaluation import held_out
    from endcap.training.evaluate.given import Options, check_bundle
    from endcap.training.evaluate.metrics import binary_ideal, ndcg
    from endcap.training.evaluate.questions import Translation

    config = load_config(write_tables(tables))
    holdout = held_out(read_shop(config, lambda *_: None), Options(holdout_days=DAYS), config.training.seed)
    try:
        check_bundle(bundle, holdout)
    except BundleError as reason:
        console.print(f"no NDCG: {reason}")
        return NOT_JUDGED
    numbers = Translation.between(holdout.known, bundle)
    rows = np.flatnonzero(holdout.regulars & (holdout.truth.sizes > 0))
    truth = holdout.truth.take(rows)
    found: dict[str, float | None] = {}
    for name, contender in {"plain": Plain(bundle), "ours": Ours(bundle)}.items():
        slates = np.full((len(rows), SIZE), -1, np.int32)
        for place, user in enumerate(numbers.users[holdout.users[rows]].tolist()):
            items = contender(Request(user)).items
            slates[place, : len(items)] = items
        values = ndcg(truth.hits(numbers.slates(slates)), binary_ideal(truth.sizes, 10), 10)
        found[name] = round(float(values.mean()), 4)
    return found


NOT_JUDGED: dict[str, float | None] = {"plain": None, "ours": None}


def synthetic(rounds: int, requests: int, console: Console) -> dict[str, Any]:
    """100,000 items, each with a text of its own, about 500 candidates, 40 columns, 300 trees of 63 leaves."""
    ranking = Ranking(300, 63, SMALL, ("merge.fused", "merge.sources"))
    bundle = open_bundle(made_bundle(WORK / "shops", SYNTHETIC, SEED, ranking, console.print), verify=False)
    return measure(bundle, rounds, requests, console, SMALL)


SYNTHETIC = Size(100_000, 5_000, 500_000, variants=1)
SMALL: dict[str, Any] = {
    "recall": [
        {"use": "repeat", "limit": 100},
        {"use": "als", "limit": 200, "unseen": True, "newcomers": 0.0},
        {"use": "covisit", "limit": 150, "unseen": True},
        {"use": "popular", "limit": 100, "unseen": True},
        {"use": "text", "limit": 100, "unseen": True},
    ],
    "hydrate": ["shopper_item", "item_stats", "als_similarity", "covisit_similarity", "text_similarity"],
    "score": "trees",
    "select": {"use": "mmr", "diversity": 0.0},
    "candidates": 500,
}


def by_items(rounds: int, requests: int, console: Console) -> dict[str, Any]:
    """The default strategy on made shops, the larger one last."""
    found: dict[str, Any] = {"10k": None, "100k": None, "1m": None}
    for name, size in QUICK_SIZES.items():
        folder = made_bundle(WORK / "shops", size, SEED, say=console.print)
        found[name] = measure(open_bundle(folder, verify=False), rounds, requests, console)
        print_measured(console, found[name])
    return found


def cost_growth(sizes: dict[str, Any]) -> dict[str, float | None]:
    """Our processor time at 100,000 items by that at 10,000."""
    small, large = sizes["10k"], sizes["100k"]
    if not small or not large:
        return dict.fromkeys(("no_text", "text"))
    cpu = [{kind: size["measured"][kind]["ours"]["cpu_ms"] for kind in ("no_text", "text")} for size in (large, small)]
    return {kind: ratio(cpu[0][kind], cpu[1][kind]) for kind in ("no_text", "text")}


def main() -> None:
    options, console = _options(), Console()
    found: dict[str, Any] = {"quick": options.quick, "machine": machine(), "ndcg": NOT_JUDGED}
    found["by_items"] = {"10k": None, "100k": None, "1m": None}
    found["synthetic"] = None
    bundle = None if options.quick else bundle_of(options.bundle)
    if bundle is None:
        found["by_items"] = by_items(options.rounds, options.requests, console)
        found |= found["by_items"]["100k"]
    else:
        found |= measure(bundle, options.rounds, options.requests, console)
        print_measured(console, found)
        write_json(options.json, found)
        if options.judge:
            found["ndcg"] = judged(bundle, options.tables, console)
        if options.synthetic:
            write_json(options.json, found)
            found["synthetic"] = synthetic(options.rounds, options.requests, console)
            print_measured(console, found["synthetic"])
    found["cost_growth"] = cost_growth(found["by_items"])
    found["load_average_at_the_end"] = machine()["load_average"]
    write_json(options.json, found)
    console.print({name: found[name] for name in ("cpu_ratio", "p50_ms", "ndcg", "trees", "cost_growth")})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, help="a bundle, or a folder of them")
    parser.add_argument("--tables", type=Path, default=WORK / "tables", help="the demo's tables, for the NDCG")
    parser.add_argument("--json", type=Path, default=OUT / "pipeline.json")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=60, help="requests a round")
    parser.add_argument("--no-ndcg", dest="judge", action="store_false", help="leave out the NDCG")
    parser.add_argument("--no-synthetic", dest="synthetic", action="store_false", help="leave out the synthetic row")
    parser.add_argument("--quick", action="store_true", help="made shops of 10,000 and 100,000 items, two minutes")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.requests = 5, 8
    return options


if __name__ == "__main__":
    main()
