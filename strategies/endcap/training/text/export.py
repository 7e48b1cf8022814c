"""The text encoder for serving: one ONNX graph, its tokenizer, and what they are, from any BERT-family model.

int8 is tried first and kept only where it passes the parity gate; then int8 for all but the matrices that it does
worst; then fp32. Which of them it became, and why, is in the report and in encoder.json. Beside the graph lie the
same weights in int8 as Endcap's machine code reads them, where that passes the gate too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from onnx import ModelProto

from endcap.bundle.writer import PartWriter
from endcap.strategies.text.encoder import Encoder, open_tokenizer
from endcap.strategies.text.info import GRAPH_NAME, TOKENIZER_NAME, EncoderInfo, Parity
from endcap.training.progress import Progress, silent
from endcap.training.text import graph, parity
from endcap.training.text.folder import ModelError
from endcap.training.text.layers import quantised_bert, remove_bert, write_bert
from endcap.training.text.model import SourceModel, check_model

Precision = Literal["int8", "int8-partial", "fp32"]

MAX_TOKENS = 128
QUERY_MAX_TOKENS = 64
LEAST_FAITHFUL = 0.9999
"""Mean cosine below which an fp32 graph isn't the model that it was traced from."""


@dataclass(frozen=True)
class EncoderReport:
    info: EncoderInfo
    bytes: int
    """Of the graph's file."""

    @property
    def note(self) -> str:
        """Why the graph isn't int8 through and through where that was asked for, or empty."""
        return self.info.note


@dataclass(frozen=True)
class _Job:
    """What every attempt shares."""

    source: SourceModel
    fp32: ModelProto
    texts: list[str]
    exact: parity.Vectors

    def info(self, precision: Precision, measured: Parity | None = None, note: str = "") -> EncoderInfo:
        longest = min(MAX_TOKENS, self.source.most_tokens)
        return EncoderInfo(
            model=self.source.folder.name,
            dimension=self.source.dimension,
            max_tokens=longest,
            query_max_tokens=min(QUERY_MAX_TOKENS, longest),
            pooling=self.source.folder.pooling,
            precision=precision,
            parity=measured,
            note=note,
        )


def export_encoder(
    model: SourceModel | str | Path | None,
    folder: Path,
    *,
    quantise: bool = True,
    texts: Sequence[str] = (),
    progress: Progress = silent,
) -> EncoderReport:
    """Writes ``encoder.onnx``, ``tokenizer.json`` and ``encoder.json`` into ``folder``, byte for byte the same for the
    same model and texts.

    ``model`` is a model as loaded, a folder, a name on the Hugging Face hub, or None for the default. ``texts`` are the
    shop's own, on a sample of which parity is measured. Raises ModelError where the model is missing or unfit.
    """
    source = model if isinstance(model, SourceModel) else _loaded(model, progress)
    progress("exporting the text model")
    job = _prepared(source, list(texts))
    remove_bert(folder)
    attempts = ladder(job.fp32) if quantise else ladder(job.fp32)[-1:]
    shortfalls: list[str] = []
    for precision, make in attempts:
        progress(f"checking the {precision} text model")
        graph.write(make(), folder / GRAPH_NAME)
        measured = _measured(job, folder, precision)
        if precision == "fp32" or parity.passes(measured):
            break
        shortfalls.append(f"{precision} has cosine {measured.cosine} and overlap {measured.neighbour_overlap}")
    if quantise:
        _write_bert(job, folder)
    return _finished(job, folder, precision, measured, shortfalls)


def _write_bert(job: _Job, folder: Path) -> None:
    """What machine code reads, where there is some for the model and it passes the gate as well."""
    info = job.info("int8")
    bert = quantised_bert(job.source, info.query_max_tokens)
    if bert is None:
        return
    tokenizer = open_tokenizer(folder / TOKENIZER_NAME, info.query_max_tokens)
    tokens = [np.array(tokenizer.encode(text).ids or [0], np.int64) for text in job.texts]
    measured = parity.measure(job.exact, np.concatenate([bert(ids) for ids in tokens]))
    if parity.passes(measured):
        write_bert(bert, PartWriter(folder), measured)


def _loaded(model: str | Path | None, progress: Progress) -> SourceModel:
    progress("loading the text model")
    return check_model(model)


def _prepared(source: SourceModel, texts: list[str]) -> _Job:
    sample = parity.sample_texts(texts)
    try:
        fp32 = graph.trace(source)
    except graph.GraphTooLarge as error:
        raise ModelError(f"{source.folder.folder} cannot be exported: {error}") from error
    longest = min(MAX_TOKENS, source.most_tokens)
    return _Job(source, fp32, sample, source.encode(sample, longest))


def ladder(fp32: ModelProto) -> list[tuple[Precision, Callable[[], ModelProto]]]:
    """The forms of a graph, from the quickest to the graph itself: the first that passes its gate is kept."""
    return [
        ("int8", lambda: graph.quantised(fp32, keep_narrowing=False)),
        ("int8-partial", lambda: graph.quantised(fp32, keep_narrowing=True)),
        ("fp32", lambda: fp32),
    ]


def _measured(job: _Job, folder: Path, precision: Precision) -> Parity:
    """Through the reader that serving uses, so that tokenizer, pooling and padding are measured as well."""
    (folder / TOKENIZER_NAME).write_text(job.source.tokenizer_json, encoding="utf-8")
    job.info(precision).write(folder)
    measured = parity.measure(job.exact, Encoder.open(folder).encode(job.texts))
    if precision == "fp32" and measured.cosine < LEAST_FAITHFUL:
        raise ModelError(
            f"{job.source.folder.folder} cannot be exported: the fp32 graph has cosine {measured.cosine} to the model, "
            f"expected {LEAST_FAITHFUL} (an architecture that a trace doesn't capture)"
        )
    return measured


def _finished(job: _Job, folder: Path, precision: Precision, measured: Parity, shortfalls: list[str]) -> EncoderReport:
    gate = f"expected cosine {parity.LEAST_COSINE} and overlap {parity.LEAST_OVERLAP} to fp32"
    note = f"{'; '.join(shortfalls)}; {gate}: kept as {precision}" if shortfalls else ""
    info = job.info(precision, measured, note)
    info.write(folder)
    return EncoderReport(info, (folder / GRAPH_NAME).stat().st_size)
