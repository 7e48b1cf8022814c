"""Counts that are written together come to what counting one by one comes to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram

from endcap.server.tally import Tally

BOUNDS = (0.0, 0.5, 2.0)
VALUES = st.lists(st.one_of(st.sampled_from(BOUNDS), st.floats(-3, 3).map(lambda value: round(value, 2))))


class Kept:
    """A registry of its own, with a counter and a histogram."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.counter = Counter("done", "What was done.", ["who"], registry=self.registry)
        self.histogram = Histogram("size", "How large.", ["who"], buckets=BOUNDS, registry=self.registry)

    def samples(self) -> dict[tuple[str, str], float]:
        """Sums are rounded: additions in another order end in other last bits."""
        return {
            (sample.name, sample.labels.get("le", "")): round(sample.value, 6)
            for metric in self.registry.collect()
            for sample in metric.samples
            if not sample.name.endswith("_created")
        }


@given(rounds=st.lists(VALUES, max_size=4))
def test_written_together_is_the_same_as_one_by_one(rounds: list[list[float]]) -> None:
    together, one_by_one, tally = Kept(), Kept(), Tally()
    count, observe = tally.sums(together.counter), tally.spreads(together.histogram)
    count("us"), observe("us")  # the children are there from the start, as of the other's `labels`
    plain_counter, plain_histogram = one_by_one.counter.labels("us"), one_by_one.histogram.labels("us")
    for values in rounds:
        for value in values:
            count("us").inc(2)
            observe("us").observe(value)
            plain_counter.inc(2)
            plain_histogram.observe(value)
        tally.write()
        assert together.samples() == one_by_one.samples()


def test_nothing_is_on_the_page_before_it_is_written_and_nothing_twice_after() -> None:
    kept, tally = Kept(), Tally()
    observe = tally.spreads(kept.histogram)
    observe("us").observe(0.0)
    assert kept.samples()[("size_count", "")] == 0
    tally.write()
    tally.write()
    assert kept.samples()[("size_count", "")] == 1
