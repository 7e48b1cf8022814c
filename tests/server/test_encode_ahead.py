"""Searches that wait for a thread are encoded together with the one that is begun, by a trained bundle's encoder."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from endcap.server.admission import Admission
from endcap.server.calls import Call, Desk
from endcap.server.errors import InvalidRequest
from endcap.server.metrics import Metrics
from endcap.server.servicers.ranking import LOOKED_AT, Ranking
from endcap.server.serving import Serving, load
from endcap.server.shown import ShownItems
from endcap.server.slates import SlateCache
from endcap.strategies.text import bert
from endcap.strategies.text.encoder import Encoder
from endcap.strategies.text.space import text_space
from endcap.v1.ranking_pb2 import BatchRankRequest, BatchRankResponse, RankRequest, RankResponse

from .test_admission import until

TEXTS = ("coffee", "tea", "bread", "pasta")


class Worker(NamedTuple):
    """What a worker has, but for the wire."""

    serving: Serving
    desk: Desk
    ranking: Ranking

    @property
    def encoder(self) -> Encoder:
        return text_space(self.serving.bundle).encoder

    def remembers(self, text: str) -> bool:
        return self.encoder._recalled(self.encoder.normal(text)) is not None

    def together(self) -> tuple[float, float]:
        """How often several were encoded together, and how many."""
        self.desk._write()
        (family,) = self.desk.metrics.encoded.collect()
        told = {sample.name.rpartition("_")[2]: sample.value for sample in family.samples}
        return told["count"], told["sum"]

    def send(self, raw: bytes) -> tuple[Call, asyncio.Task[bytes]]:
        call = Call("Rank", asked=self.ranking.asked(raw))
        return call, asyncio.create_task(self.desk.attend(call, lambda: self.ranking.rank(raw, call)))

    async def held(self) -> threading.Event:
        """Keeps the only thread busy until it is set."""
        gate = threading.Event()
        hold = asyncio.create_task(self.desk.admission.run(gate.wait))
        await asyncio.sleep(0)
        await until(lambda: not self.desk.admission.waiting(1))
        assert not hold.done()
        return gate


@pytest.fixture
def worker(trained_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setattr(bert, "computed_here", lambda: True)  # machine code, whatever the processor
    serving = load(trained_bundle)
    size = len(serving.bundle.catalog)
    metrics = Metrics(CollectorRegistry(), ShownItems(tmp_path / "shown", size), np.zeros(size, np.bool_))
    desk = Desk(Admission(1, 16), metrics)
    yield Worker(serving, desk, Ranking(serving, desk, SlateCache(0)))
    desk.admission.close()


def search(text: str, **fields: object) -> bytes:
    return RankRequest(query=text, request_id=text, **fields).SerializeToString()  # type: ignore[arg-type]


def ranked(raw: bytes) -> list[tuple[str, float]]:
    return [(item.item_id, item.score) for item in RankResponse.FromString(raw).items]


async def test_searches_that_wait_are_encoded_together_and_answered_as_each_alone(
    worker: Worker, trained_bundle: Path
) -> None:
    gate = await worker.held()
    sent = [worker.send(search(text)) for text in TEXTS]
    await asyncio.sleep(0)
    gate.set()
    answers = [ranked(await answer) for _, answer in sent]
    assert [call.encoded_together for call, _ in sent] == [len(TEXTS), 0, 0, 0]
    assert worker.together() == (1, len(TEXTS))
    alone = load(trained_bundle)
    other = Ranking(alone, worker.desk, SlateCache(0))
    assert answers == [ranked(other.rank(search(text), Call("Rank"))) for text in TEXTS]
    assert all(answers)


async def test_searches_of_one_stream_are_encoded_together_too(worker: Worker) -> None:
    gate = await worker.held()
    raws = [BatchRankRequest(request=RankRequest(query=text)).SerializeToString() for text in TEXTS]
    sent = [asyncio.create_task(worker.ranking._one_of_batch(raw, at, None)) for at, raw in enumerate(raws)]
    await asyncio.sleep(0)
    gate.set()
    answers = [BatchRankResponse.FromString(await answer) for answer in sent]
    assert all(answer.response.items for answer in answers)
    assert worker.together() == (1, len(TEXTS))


async def test_a_search_that_nobody_waits_behind_is_encoded_where_it_is_needed(worker: Worker) -> None:
    call, answer = worker.send(search(TEXTS[0]))
    await answer
    assert (call.encoded_together, worker.together(), worker.remembers(TEXTS[0])) == (0, (0, 0), True)


async def test_only_a_few_that_wait_are_looked_at(worker: Worker) -> None:
    gate = await worker.held()
    idle = [worker.send(RankRequest(user_id="u00", strategy="popular").SerializeToString()) for _ in range(LOOKED_AT)]
    first, rest = worker.send(search(TEXTS[0])), [worker.send(search(TEXTS[1]))]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*(answer for _, answer in [*idle, first, *rest]))
    assert first[0].encoded_together == 2
    gate = await worker.held()
    first = worker.send(search(TEXTS[2]))
    idle = [worker.send(RankRequest(user_id="u00", strategy="popular").SerializeToString()) for _ in range(LOOKED_AT)]
    beyond = worker.send(search(TEXTS[3]))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*(answer for _, answer in [first, *idle, beyond]))
    assert first[0].encoded_together == 1


async def test_one_that_is_cancelled_is_left_out(worker: Worker) -> None:
    gate = await worker.held()
    sent = [worker.send(search(text)) for text in TEXTS[:3]]
    await asyncio.sleep(0)
    sent[1][1].cancel()
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(sent[0][1], sent[2][1])
    assert sent[0][0].encoded_together == 2
    assert not worker.remembers(TEXTS[1])


async def test_one_that_cannot_be_read_fails_in_its_own_turn_and_no_other(worker: Worker) -> None:
    gate = await worker.held()
    whole, broken, unknown, last = [
        worker.send(raw) for raw in (search(TEXTS[0]), b"\xff", search(TEXTS[1], filter="price <"), search(TEXTS[2]))
    ]
    await asyncio.sleep(0)
    gate.set()
    assert ranked(await whole[1])
    assert ranked(await last[1])
    for (_, answer), reason in ((broken, "MALFORMED_MESSAGE"), (unknown, "MALFORMED_FILTER")):
        with pytest.raises(InvalidRequest) as caught:
            await answer
        assert caught.value.reason == reason
    assert unknown[0].request_id == TEXTS[1]
    assert whole[0].encoded_together == 2
    assert not worker.remembers(TEXTS[1])


@pytest.mark.parametrize("fields", [{"strategy": "popular"}, {"validate_only": True}])
async def test_words_that_nobody_will_read_are_not_encoded(worker: Worker, fields: dict[str, object]) -> None:
    gate = await worker.held()
    reads, vain = worker.send(search(TEXTS[0])), worker.send(search(TEXTS[1], **fields))
    last = worker.send(search(TEXTS[2]))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*(answer for _, answer in (reads, vain, last)))
    assert (reads[0].encoded_together, vain[0].encoded_together) == (2, 0)
    assert not worker.remembers(TEXTS[1])
