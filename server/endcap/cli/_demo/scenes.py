"""What the demo asks: every form of request, and one shopper under several strategies."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from endcap.cli._demo.cast import HEAVY, LIGHT, Cast
from endcap.client import RankArgs, event

SIZE = 5
WISHED_QUERY, ITS_ANSWER = "something for a barbecue", "bbq sauce"
WISHED_VIEWS = "baby"
WISHED_PAGE = "pasta sauce"
COMPARED = ("hybrid", "als", "popular")


@dataclass(frozen=True)
class Scene:
    title: str
    about: str
    args: RankArgs
    command: str
    """The same by `endcap rank`."""


def scenes(cast: Cast) -> Iterator[Scene]:
    heavy = cast.shopper(HEAVY)
    yield from _shoppers(cast, heavy)
    yield _guest(cast)
    yield _search(cast)
    yield _page(cast)
    yield _own_list(cast, heavy)
    for strategy in COMPARED:
        title = f"The heavy shopper again, by the strategy {strategy}"
        yield _scene(title, "", {"user_id": cast.user_id(heavy), "strategy": strategy}, ["--strategy", strategy])


def _shoppers(cast: Cast, heavy: int) -> Iterator[Scene]:
    light = cast.shopper(LIGHT)
    yield _scene("A heavy shopper", cast.about(heavy), {"user_id": cast.user_id(heavy)})
    yield _scene("A light shopper", cast.about(light), {"user_id": cast.user_id(light)})
    yield _scene("A shopper never seen before", "Nothing is known, so it is what sells.", {"user_id": cast.nobody()})


def _guest(cast: Cast) -> Scene:
    items = cast.with_words(WISHED_VIEWS, 3)
    ids = cast.ids(items)
    about = f"No account, three views: {'; '.join(cast.titles(items))}."
    options = [part for item_id in ids for part in ("--event", item_id)]
    args: RankArgs = {"visitor_id": "guest", "recent_events": [event(item_id) for item_id in ids]}
    return _scene("A guest's session", about, args, options)


def _search(cast: Cast) -> Scene:
    query = cast.query(WISHED_QUERY, ITS_ANSWER)
    args: RankArgs = {"query": query}
    return _scene("A search", f"“{query}”", args, ["--query", query])


def _page(cast: Cast) -> Scene:
    item = cast.with_words(WISHED_PAGE, 1)
    item_id, title = cast.ids(item)[0], cast.titles(item)[0]
    args: RankArgs = {"seed_item_ids": [item_id], "page": "product"}
    return _scene("A product page", f"What goes with: {title}.", args, ["--item", item_id])


def _own_list(cast: Cast, shopper: int) -> Scene:
    items = cast.mixed_list(shopper)
    ids, user_id = cast.ids(items), cast.user_id(shopper)
    about = f"The heavy shopper; the caller brings: {'; '.join(cast.titles(items))}."
    options = [part for item_id in ids for part in ("--candidate", item_id)]
    args: RankArgs = {"user_id": user_id, "candidate_item_ids": ids, "page_size": len(ids)}
    return _scene("The caller's own list, re-ranked", about, args, options)


def _scene(title: str, about: str, args: RankArgs, options: list[str] | None = None) -> Scene:
    size = args.get("page_size", SIZE)
    user = ["--user", args["user_id"]] if "user_id" in args else []
    command = shlex.join(["endcap", "rank", *user, *(options or []), "--limit", str(size)])
    return Scene(title, about, {**args, "page_size": size}, command)
