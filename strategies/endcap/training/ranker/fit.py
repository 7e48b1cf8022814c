"""The ranker: trees, and where there are lessons enough a small network beside them.

They are models of different kinds that err in different places, so their mean ranks better than either. How much the
network says is settled on a window from which neither has learned.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import lightgbm
import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, Part
from endcap.bundle.writer import PartWriter
from endcap.strategies.score.net import Net
from endcap.strategies.score.trees import Blend
from endcap.training.parallel import Workers, within_task
from endcap.training.progress import Progress
from endcap.training.ranker.net import fit_net
from endcap.training.ranker.rows import Rows
from endcap.training.ranker.trees import fit_trees

WORTH_NET = 20_000
"""Rows; a network learns nothing from fewer that trees do not."""
WORTH_PROCESSES = 50_000
"""Rows; with fewer a ranker is fitted in less time than another process takes to import what fits it."""
SHARE = 0.5
SHARES = (0.0, 0.25, 0.5, 0.75)
DEPTH = 10
COMPARED = 50_000
"""Rows on which the spread of both models' scores is measured."""


@dataclass(frozen=True)
class Ranker:
    trees: lightgbm.Booster
    net: Net | None
    blend: Blend

    def with_share(self, share: float) -> Ranker:
        return Ranker(self.trees, self.net, Blend(share, self.blend.scale))

    def scores(self, features: Array) -> Array:
        """float32[n] from float32[n, k], as the server will score them."""
        trees = np.asarray(self.trees.predict(features, raw_score=True), np.float32)
        return self.blend(trees, self.net.scores(features)) if self.net else trees


def fit_ranker(rows: Rows, seed: int, progress: Progress, others: Mapping[str, float] | None = None) -> Ranker:
    """``others`` are parameters of the trees, laid over Endcap's own.

    Raises DataError where there are not two shoppers to learn from.
    """
    trees = fit_trees(rows, seed, progress, others)
    net = fit_net(rows, seed, progress) if len(rows.labels) >= WORTH_NET else None
    return _both(trees, net, rows)


def _both(trees: lightgbm.Booster, net: Net | None, rows: Rows) -> Ranker:
    """Blended so that the scores of both are spread alike over the rows that they learned from."""
    if net is None:
        return Ranker(trees, None, Blend(0.0, 1.0))
    some = np.ascontiguousarray(rows.features[:: max(len(rows.features) // COMPARED, 1)])
    spread = np.std(trees.predict(some, raw_score=True)) / max(float(np.std(net.scores(some))), 1e-6)
    return Ranker(trees, net, Blend(SHARE, float(spread)))


@dataclass(frozen=True)
class Course:
    """What one ranker learns from: small enough to send to a worker process."""

    parts: Sequence[Path]
    """Folders that Rows.save wrote."""
    seed: int
    others: Mapping[str, float] = field(default_factory=dict)
    """Parameters of the trees, laid over Endcap's own."""
    columns: Sequence[int] | None = None
    """Those of the rows that it may read; None: all."""

    def rows(self) -> Rows:
        parts = [Rows.open(part) for part in self.parts]
        if self.columns is not None:
            parts = [part._replace(features=np.take(part.features, self.columns, axis=1)) for part in parts]
        return Rows.joined(parts)

    def __len__(self) -> int:
        return sum(len(Rows.open(part).labels) for part in self.parts)


class _Lesson(NamedTuple):
    course: Course
    trees: bool
    """Else the network."""
    threads: int


def fit_rankers(pool: Workers, courses: Sequence[Course], progress: Progress) -> list[Ranker]:
    """The ranker of each course, all side by side.

    A second thread saves trees a third and a network a fifth; a second process saves half. Trees of one course and the
    network of the next take turns, so that the processes' needs for memory and time are alike.
    """
    if max(len(course) for course in courses) < WORTH_PROCESSES:
        return [fit_ranker(course.rows(), course.seed, progress, course.others) for course in courses]
    threads = max(len(os.sched_getaffinity(0)) // len(courses), 1)
    lessons = []
    for place, course in enumerate(courses):
        lessons += [_Lesson(course, True, threads), _Lesson(courses[(place + 1) % len(courses)], False, 1)]
    fitted = pool.map_long("fitting the rankers", _fit, lessons)
    trees, nets = [each.trees for each in fitted[::2]], [fitted[place - 1].net for place in range(0, len(fitted), 2)]
    return [_both(grown, net, course.rows()) for grown, net, course in zip(trees, nets, courses, strict=True) if grown]


class _Fitted(NamedTuple):
    """One of both."""

    trees: lightgbm.Booster | None = None
    net: Net | None = None


def _fit(lesson: _Lesson) -> _Fitted:
    """Runs in a worker process."""
    rows, seed, progress = lesson.course.rows(), lesson.course.seed, within_task()
    if lesson.trees:
        return _Fitted(trees=fit_trees(rows, seed, progress, lesson.course.others, lesson.threads))
    return _Fitted(net=fit_net(rows, seed, progress) if len(rows.labels) >= WORTH_NET else None)


def best_share(ranker: Ranker, unseen: Rows) -> float:
    """Of SHARES that by which these rows, from which the ranker has not learned, are ranked best; SHARE without any."""
    if ranker.net is None or not len(unseen.sizes):
        return ranker.blend.share
    trees = np.asarray(ranker.trees.predict(unseen.features, raw_score=True), np.float32)
    net = ranker.net.scores(unseen.features)
    return max(SHARES, key=lambda share: mean_ndcg(Blend(share, ranker.blend.scale)(trees, net), unseen))


def share_of(bundle: Bundle) -> float:
    """What a bundle's network says; SHARE where it has no ranker yet, or one without a network."""
    part = Part(bundle.folder / "ranker")
    return float(part.json("blend")["share"]) if "blend.json" in part.files() else SHARE


def mean_ndcg(scores: Array, rows: Rows) -> float:
    """NDCG@10 over the groups of ``rows``, each of which has a positive."""
    groups = np.repeat(np.arange(len(rows.sizes)), rows.sizes)
    order = np.lexsort((-scores, groups))
    places = np.arange(len(order)) - np.repeat(np.cumsum(rows.sizes) - rows.sizes, rows.sizes)
    worth = np.where(places < DEPTH, 1.0 / np.log2(places + 2.0), 0.0)
    gains = np.bincount(groups, worth * (rows.labels[order] > 0), len(rows.sizes))
    positives = np.bincount(groups, rows.labels > 0, len(rows.sizes)).astype(np.int64)
    ideal = np.cumsum(1.0 / np.log2(np.arange(DEPTH) + 2.0))
    return float(np.mean(gains / ideal[np.clip(positives, 1, DEPTH) - 1]))


def write_ranker(part: PartWriter, ranker: Ranker, names: Sequence[str]) -> None:
    """The trees as text, without the trailing parameters: they hold nothing that prediction reads.

    The columns' names stand beside it, since LightGBM changes or refuses those with blanks, commas and brackets.
    """
    text = ranker.trees.model_to_string()
    (part.folder / "model.txt").write_text(text[: text.index("\nparameters:")] + "\n", encoding="utf-8")
    part.json("features", list(names))
    if ranker.net:
        part.arrays({f"net.{name}": values for name, values in vars(ranker.net).items()})
        part.json("blend", asdict(ranker.blend))
