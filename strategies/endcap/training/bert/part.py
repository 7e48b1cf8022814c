"""The bundle part of the BERT ranker: how pairs are made, item texts as token ids, and the student as a graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.stats import spearmanr
from tokenizers import Tokenizer

from endcap.bundle.events import Array
from endcap.bundle.folder import Part
from endcap.bundle.writer import PartWriter
from endcap.strategies.text.cross import GRAPH, INFO, CrossEncoder, CrossInfo, CrossParity
from endcap.strategies.text.info import TOKENIZER_NAME
from endcap.strategies.text.pairs import OFFSETS, SHAPE, TOKENS, PairBatch, PairShape
from endcap.training.bert.lessons import Lessons
from endcap.training.bert.network import PairNetwork, logits_of
from endcap.training.errors import ConfigError
from endcap.training.progress import Progress
from endcap.training.text import graph
from endcap.training.text.export import Precision, ladder
from endcap.training.text.model import SourceModel, one_torch_thread

LEAST_CORRELATION, MOST_DIFFERENCE = 0.99, 0.02
"""A graph that orders pairs otherwise than the student, or is further off in probability, is not the student."""
PAIRS = 640
"""That parity is measured on."""
AT_ONCE = 20
"""Pairs a call, as in serving: an int8 graph scales a whole call's values together."""


def write_pairs(part: PartWriter, source: SourceModel, texts: Sequence[str], max_tokens: int) -> None:
    """Everything that making pairs takes. Raises ConfigError where the model has no room for so many tokens."""
    if max_tokens > source.most_tokens:
        raise ConfigError(
            f"bert.max_tokens: found {max_tokens}, expected at most the {source.most_tokens} of {source.folder.name}"
        )
    tokenizer = Tokenizer.from_str(source.tokenizer_json)
    ends = tokenizer.encode("").ids
    shape = PairShape(max_tokens=max_tokens, first=ends[0] if ends else 0, last=ends[-1] if ends else 0)
    tokenizer.enable_truncation(shape.item_tokens)
    # Not encode_batch: its threads would outlive us, and a short text takes microseconds.
    rows = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    part.array(TOKENS, np.array([token for row in rows for token in row], np.int32))
    part.array(OFFSETS, offsets)
    part.json(SHAPE, shape.model_dump())
    (part.folder / TOKENIZER_NAME).write_text(source.tokenizer_json, encoding="utf-8")


def export(
    part: PartWriter, student: PairNetwork, source: SourceModel, layers: int, lessons: Lessons, progress: Progress
) -> CrossInfo:
    """Writes the graph and bert.json: int8 where that passes the gate on some of ``lessons``, else the next best."""
    progress("exporting the BERT ranker")
    rows = np.random.default_rng(0).permutation(len(lessons.ids))[:PAIRS]
    ids, lengths = lessons.ids[rows], lessons.lengths[rows]
    with one_torch_thread():
        exact = logits_of(student, ids, lengths, torch.device("cpu"))
    whole = graph.traced(student, source.folder.name, "logits")
    for precision, make in ladder(whole):
        graph.write(make(), part.folder / GRAPH)
        info = CrossInfo(model=source.folder.name, layers=layers, precision=precision)
        part.json(INFO, info.model_dump())
        exported = CrossEncoder.open(Part(part.folder))
        info = info.model_copy(update={"parity": measured(exact, exported_logits(exported, ids, lengths))})
        part.json(INFO, info.model_dump())
        if passes(info, precision):
            break
    return info


def passes(info: CrossInfo, precision: Precision) -> bool:
    parity = info.parity
    assert parity is not None
    near = parity.rank_correlation >= LEAST_CORRELATION and parity.probability_difference <= MOST_DIFFERENCE
    return near or precision == "fp32"


def measured(exact: Array, exported: Array) -> CrossParity:
    """Both float32[n], the logits of the same pairs."""
    alike = len(exact) < 2 or np.ptp(exact) == 0 or np.ptp(exported) == 0
    correlation = 1.0 if alike else float(spearmanr(exact, exported).statistic)
    chances = [1.0 / (1.0 + np.exp(-logits.astype(np.float64))) for logits in (exact, exported)]
    difference = float(np.abs(chances[0] - chances[1]).mean()) if len(exact) else 0.0
    return CrossParity(
        rank_correlation=round(correlation, 4), probability_difference=round(difference, 5), pairs=len(exact)
    )


def exported_logits(encoder: CrossEncoder, ids: Array, lengths: Array) -> Array:
    """float32[n], computed as in serving: so many pairs a call."""
    found = np.empty(len(ids), np.float32)
    for start in range(0, len(ids), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        longest = int(lengths[rows].max(initial=1))
        kept = ids[rows, :longest].astype(np.int64)
        mask = (np.arange(longest) < lengths[rows][:, None]).astype(np.int64)
        found[rows] = encoder.logits(PairBatch(kept, mask))
    return found
