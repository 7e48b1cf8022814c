"""The cache of slates: how long, how much, once for many, and never beyond a change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import numpy as np
import pytest

from endcap.server.errors import OutOfTime
from endcap.server.slates import Kept, Key, SlateCache, Tag
from endcap.strategies.batch import SCORE, Candidates
from endcap.strategies.pipeline import Degradation, Run, Slate

KEY = Key("bundle-1", "popular", b"content")
SECONDS = 5.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def kept(body: bytes = b"slate", *tags: Tag, degraded: bool = False) -> Kept:
    run = Run(degradations=[Degradation("recall", "text", "broken")] if degraded else [])
    candidates = Candidates(np.array([1], np.int32)).with_column(SCORE, np.ones(1, np.float32))
    return Kept(body, Slate("popular", candidates, ((),), 1, run), 0, frozenset(tags))


class Maker:
    """Makes ``what``, and counts how often."""

    def __init__(self, what: Kept) -> None:
        self.what = what
        self.count = 0

    def __call__(self) -> Kept:
        self.count += 1
        return self.what


def cache(max_bytes: int = 1 << 20, clock: Callable[[], float] = time.monotonic) -> SlateCache:
    return SlateCache(max_bytes, clock)


def test_a_slate_is_given_again_until_its_seconds_are_over() -> None:
    clock = Clock()
    slates, make = cache(clock=clock), Maker(kept())
    assert slates.answer(KEY, SECONDS, make) == (make.what, False)
    clock.now = 4.9
    assert slates.answer(KEY, SECONDS, make) == (make.what, True)
    clock.now = 5.0
    assert slates.answer(KEY, SECONDS, make) == (make.what, False)
    assert make.count == 2


@pytest.mark.parametrize("other", [KEY._replace(bundle="b-2"), KEY._replace(strategy="x"), KEY._replace(content=b"")])
def test_another_bundle_strategy_or_content_has_its_own_slate(other: Key) -> None:
    slates, make = cache(), Maker(kept(b"other"))
    slates.answer(KEY, SECONDS, Maker(kept()))
    assert slates.answer(other, SECONDS, make)[0].body == b"other"
    assert slates.answer(KEY, SECONDS, make)[0].body == b"slate"


@contextmanager
def being_made(slates: SlateCache, what: Kept) -> Iterator[tuple[ThreadPoolExecutor, Event]]:
    """Inside, a thread of the pool makes ``what`` for KEY, until the event is set."""
    begun, finish = Event(), Event()

    def make() -> Kept:
        begun.set()
        assert finish.wait(10)
        return what

    with ThreadPoolExecutor(100) as pool:
        first = pool.submit(slates.answer, KEY, SECONDS, make)
        assert begun.wait(10)
        yield pool, finish
        finish.set()
        first.result(10)


def test_a_hundred_equal_requests_at_once_are_computed_once() -> None:
    slates, never = cache(), Maker(kept(b"made again"))
    with being_made(slates, kept()) as (pool, finish):
        answers = [pool.submit(slates.answer, KEY, SECONDS, never) for _ in range(99)]
        finish.set()
        assert {answer.result(10)[0].body for answer in answers} == {b"slate"}
        assert {answer.result(10)[1] for answer in answers} == {True}
    assert never.count == 0


def test_who_waits_for_anothers_slate_waits_no_longer_than_its_deadline() -> None:
    slates = cache()
    with being_made(slates, kept()), pytest.raises(OutOfTime):
        slates.answer(KEY, SECONDS, Maker(kept()), time.monotonic() + 0.01)


def test_a_failure_is_its_own_requests_alone() -> None:
    slates = cache()

    def fail() -> Kept:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        slates.answer(KEY, SECONDS, fail)
    assert slates.answer(KEY, SECONDS, Maker(kept()))[0].body == b"slate"


def test_a_slate_that_had_to_do_without_something_is_not_kept() -> None:
    slates = cache()
    slates.answer(KEY, SECONDS, Maker(kept(degraded=True)))
    assert not len(slates)


def other(number: int) -> Key:
    return KEY._replace(content=str(number).encode())


def test_a_change_of_a_shopper_or_item_drops_what_it_touches_and_nothing_else() -> None:
    slates = cache()
    tags = (Tag("shopper", "ann"), Tag("shopper", "bob"), Tag("item", "tea"), Tag("item", "ann"))
    for number, tag in enumerate(tags):
        slates.answer(other(number), SECONDS, Maker(kept(str(number).encode(), tag)))
    slates.forget_shopper("ann")
    slates.forget_item("tea")
    slates.forget_item("nobody has met this")
    again = Maker(kept(b"anew"))
    assert [slates.answer(other(n), SECONDS, again)[0].body for n in range(4)] == [b"anew", b"1", b"anew", b"3"]


def test_what_changes_while_a_slate_is_made_keeps_it_from_being_given_to_others() -> None:
    slates, again = cache(), Maker(kept(b"anew"))
    with being_made(slates, kept(b"old", Tag("item", "tea"))) as (pool, finish):
        slates.forget_item("tea")
        waiting = pool.submit(slates.answer, KEY, SECONDS, again)
        finish.set()
        assert waiting.result(10)[0].body == b"anew"
    assert slates.answer(KEY, SECONDS, again) == (again.what, True)


def test_memory_is_bounded_and_the_longest_unused_slate_goes_first() -> None:
    size = kept(bytes(10_000)).size
    slates = cache(max_bytes=10 * size)
    for number in range(10):
        slates.answer(other(number), SECONDS, Maker(kept(bytes(10_000))))
    slates.answer(other(0), SECONDS, Maker(kept()))
    slates.answer(other(10), SECONDS, Maker(kept(bytes(10_000))))
    assert slates.bytes == 10 * size
    assert slates.answer(other(0), SECONDS, Maker(kept()))[1]
    assert not slates.answer(other(1), SECONDS, Maker(kept()))[1]


def test_a_slate_that_would_push_out_too_many_others_is_not_kept() -> None:
    slates = cache(max_bytes=8 * kept().size - 1)
    slates.answer(KEY, SECONDS, Maker(kept()))
    assert (len(slates), slates.bytes) == (0, 0)


def test_nothing_is_left_of_slates_that_are_gone() -> None:
    slates = cache()
    slates.answer(KEY, SECONDS, Maker(kept(b"slate", Tag("item", "tea"), Tag("shopper", "ann"))))
    slates.forget_item("tea")
    assert (len(slates), slates.bytes, slates._tagged, slates._flights) == (0, 0, {}, {})
