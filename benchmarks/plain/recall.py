"""What may interest a shopper, from eight sources. Each gives at most ``limit`` (item, score) pairs, best first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice, pairwise

import faiss
import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from benchmarks.plain.shop import Event, PlainShop
from endcap.bundle.folder import Bundle

DAY = 86_400
Pairs = list[tuple[int, float]]


def strengths(events: Iterable[Event], now: int, half_life_days: float) -> dict[int, float]:
    """The sum of each item's event weights, halved every ``half_life_days``."""
    found: dict[int, float] = defaultdict(float)
    for event in events:
        found[event.item] += event.weight * 2.0 ** ((event.time - now) / (half_life_days * DAY))
    return found


def best(scores: dict[int, float], limit: int) -> Pairs:
    """The highest positive scores, ties by item number."""
    found = sorted([(-score, item) for item, score in scores.items() if score > 0])
    return [(item, -score) for score, item in found[:limit]]


def best_of(items: list[int], scores: list[float]) -> Pairs:
    """All of them, the highest score first; equal ones stay in order."""
    return sorted(zip(items, scores, strict=True), key=lambda pair: -pair[1])


def repeat(events: list[Event], now: int, limit: int) -> Pairs:
    """What they buy again."""
    return best(strengths((event for event in events if event.goal), now, 60.0), limit)


class Factors:
    """implicit's model, with the factors that the bundle was trained to have."""

    def __init__(self, bundle: Bundle) -> None:
        part, fitted = bundle.part("als"), bundle.part("als").json("als")
        self.alpha, self.half_life_days = fitted["alpha"], fitted["half_life_days"]
        self.most_items = int(fitted["most_items"])
        self.model = _model(np.array(part.array("item_factors")))
        self.model._YtY = (part.array("gram") - self.model.regularization * np.eye(self.model.factors)).astype("f4")
        self.proposable = part.array("proposable").tolist()
        self.place_of = {item: place for place, item in enumerate(self.proposable)}
        self.proposing = _model(np.array(part.array("proposals")))

    def shopper(self, known: Pairs) -> np.ndarray:
        """float32[f]: the factor of a shopper who chose these items with these strengths."""
        items = [item for item, _ in known]
        confidence = 1.0 + self.alpha * np.log1p([strength for _, strength in known])
        row = csr_matrix((confidence.astype("f4"), items, [0, len(items)]), (1, len(self.model.item_factors)))
        return self.model.recalculate_user(0, row)

    def recall(self, shopper: np.ndarray, seen: set[int], limit: int) -> Pairs:
        self.proposing.user_factors = shopper[None]
        places = [self.place_of[item] for item in seen if item in self.place_of]
        liked = csr_matrix((np.ones(len(places), "f4"), places, [0, len(places)]), (1, len(self.proposable)))
        found, scores = self.proposing.recommend(0, liked, N=limit, filter_already_liked_items=True)
        pairs = zip(found.tolist(), scores.tolist(), strict=True)
        return [(self.proposable[place], score) for place, score in pairs if score > 0]


def _model(item_factors: np.ndarray) -> AlternatingLeastSquares:
    model = AlternatingLeastSquares(factors=item_factors.shape[1], regularization=0.1, num_threads=1)
    model.item_factors = item_factors
    return model


class Covisit:
    """What is bought with what, a list of pairs for each item; kept once read."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("covisit")
        self.neighbours, self.similarities = part.array("neighbours"), part.array("similarities")
        self.near: dict[int, Pairs] = {}

    def around(self, start: Pairs) -> dict[int, float]:
        found: dict[int, float] = defaultdict(float)
        for anchor, weight in start:
            near = self.near.get(anchor)
            if near is None:
                near = self.near[anchor] = self._read(anchor)
            for item, similarity in near:
                found[item] += similarity * weight
        return found

    def _read(self, item: int) -> Pairs:
        pairs = zip(self.neighbours[item].tolist(), self.similarities[item].tolist(), strict=True)
        return [(other, similarity) for other, similarity in pairs if other >= 0]


class Ease:
    """The linear model as one sparse matrix."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("ease")
        self.items = part.array("items")
        self.places = part.array("places")
        targets, weights = part.array("targets"), part.array("weights")
        rows = np.arange(len(targets) + 1) * targets.shape[1]
        self.model = csr_matrix((weights.ravel(), targets.ravel(), rows), (len(targets), len(targets)))

    def scores(self, chosen: dict[int, float]) -> np.ndarray:
        """float32[k] of the items that the model knows."""
        places, weights = self.places[list(chosen)], np.array(list(chosen.values()), "f4")
        known = places >= 0
        row = csr_matrix((weights[known], places[known], [0, known.sum()]), (1, len(self.items)))
        return (row @ self.model).toarray()[0]

    def of(self, scores: np.ndarray, items: list[int]) -> list[float]:
        """NaN for an item that the model does not know."""
        places = self.places[items]
        return np.where(places >= 0, scores[places], np.nan).tolist()


class Neighbours:
    """Shoppers who are alike, and what they bought within 28 days, 84 days, and ever, as sparse matrices."""

    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("neighbours")
        self.near, self.weights = part.array("neighbours"), part.array("weights")
        self.items = part.array("items")
        self.places = part.array("places")
        size, offsets, bought = len(self.items), part.array("offsets"), part.array("bought")
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        shape = (len(offsets) - 1, size)
        self.bought = [
            _ones(rows[bought < size * ring], bought[bought < size * ring] % size, shape) for ring in (1, 2, 3)
        ]

    def votes(self, user: int) -> np.ndarray:
        """float32[3, k]: the share of alike shoppers who bought each item, by window."""
        known = self.near[user] >= 0
        row = csr_matrix(
            (self.weights[user][known], self.near[user][known], [0, known.sum()]), (1, len(self.bought[0].indptr) - 1)
        )
        return np.vstack([(row @ bought).toarray() for bought in self.bought])


def _ones(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> csr_matrix:
    return csr_matrix((np.ones(len(rows), "f4"), (rows, columns)), shape)


def best_places(scores: np.ndarray, items: np.ndarray, seen: set[int], limit: int) -> Pairs:
    """As ``best``, of an array with a score for each of ``items``."""
    most = min(limit + len(seen), len(scores))
    if not most:
        return []
    floor = np.partition(scores, len(scores) - most)[len(scores) - most]
    places = np.flatnonzero(scores >= max(floor, 1e-30))  # with all that tie with the last
    pairs = zip(items[places].tolist(), scores[places].tolist(), strict=True)
    return best({item: score for item, score in pairs if item not in seen}, limit)


class Kinds:
    """The best sellers of each title, line and category."""

    NAMES = ("title", "line", "category")

    def __init__(self, bundle: Bundle, shop: PlainShop) -> None:
        self.shop = shop
        self.sellers = {name: _groups(bundle, name) for name in self.NAMES}

    def leaning(self, start: Pairs, name: str) -> dict[int, float]:
        """The shopper's share of each group."""
        found: dict[int, float] = defaultdict(float)
        total = max(sum(weight for _, weight in start), 1e-9)
        for item, weight in start:
            group = getattr(self.shop.items[item], name)
            if group >= 0:
                found[group] += weight / total
        return found

    def recall(self, leanings: dict[str, dict[int, float]], seen: set[int], limit: int) -> Pairs:
        odds: dict[int, float] = defaultdict(float)
        for name in self.NAMES:
            for group, share in leanings[name].items():
                for item, sales in self.sellers[name][group]:
                    odds[item] += share * sales
        return best({item: each for item, each in odds.items() if item not in seen}, limit)


def _groups(bundle: Bundle, name: str) -> list[Pairs]:
    part = bundle.part("kinds")
    items, offsets = part.array(f"{name}.items"), part.array(f"{name}.offsets").tolist()
    pairs = list(zip(items.tolist(), part.array(f"{name}.share")[items].tolist(), strict=True))
    return [pairs[start:end] for start, end in pairwise(offsets)]


class Texts:
    """A flat FAISS index over the embeddings of the catalog's texts."""

    def __init__(self, bundle: Bundle, shop: PlainShop) -> None:
        self.shop = shop
        self.vectors = np.ascontiguousarray(bundle.part("text").array("vectors"))
        self.index = faiss.IndexFlatIP(self.vectors.shape[1])
        self.index.add(self.vectors)
        items, offsets = bundle.part("items").array("text_items"), bundle.part("items").array("text_offsets").tolist()
        listed = items.tolist()
        self.items_of = [listed[start:end] for start, end in pairwise(offsets)]

    def profile(self, start: Pairs) -> np.ndarray:
        """float32[d]: the mean of what the shopper chose lately, unit length."""
        rows = [self.shop.items[item].text for item, _ in start]
        mean = np.array([weight for _, weight in start], "f4") @ self.vectors[rows]
        return mean / np.linalg.norm(mean)

    def nearest(self, vector: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Cosines and numbers of the nearest texts."""
        cosines, texts = self.index.search(vector[None], count)
        return cosines[0], texts[0]

    def recall(self, vector: np.ndarray, seen: set[int], limit: int) -> Pairs:
        """Asks for more texts where too many of their items are seen."""
        asked = min(4 * limit, self.index.ntotal)
        while True:
            found = self.items(*self.nearest(vector, asked), seen, limit)
            if len(found) == limit or asked == self.index.ntotal:
                return found
            asked = min(4 * asked, self.index.ntotal)

    def items(self, cosines: np.ndarray, texts: np.ndarray, seen: set[int], limit: int, per_text: int = 3) -> Pairs:
        """At most ``per_text`` items of one text."""
        found: Pairs = []
        for text, cosine in zip(texts.tolist(), cosines.tolist(), strict=True):
            fresh = (item for item in self.items_of[text] if item not in seen)
            found += [(item, cosine) for item in islice(fresh, per_text)]
            if len(found) >= limit:
                break
        return found[:limit]

    def mean(self, cosines: np.ndarray, texts: np.ndarray, sharpness: float = 10.0) -> np.ndarray:
        """float32[d], unit length: of the texts' vectors, the nearer ones counting for more."""
        mean = np.exp(sharpness * (cosines - cosines.max())) @ self.vectors[texts]
        return (mean / np.linalg.norm(mean)).astype(np.float32)

    def cosines(self, vector: np.ndarray, items: list[int]) -> list[float]:
        return (self.vectors[[self.shop.items[item].text for item in items]] @ vector).tolist()


class Popular:
    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("popular")
        self.pairs = list(zip(part.array("items").tolist(), part.array("scores").tolist(), strict=True))

    def recall(self, seen: set[int], limit: int) -> Pairs:
        found: Pairs = []
        for pair in self.pairs:
            if pair[0] not in seen:
                found.append(pair)
                if len(found) == limit:
                    break
        return found
