"""The text part: the exported encoder, a vector for each distinct text, and the index over them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from endcap.bundle.writer import PartWriter
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop
from endcap.training.text.embed import embed_texts
from endcap.training.text.export import export_encoder
from endcap.training.text.finetune.shop import judged_of, taught
from endcap.training.text.index import build_index
from endcap.training.text.model import check_model


def _text(shop: Shop, part: PartWriter, context: Context) -> None:
    context.progress("loading the text model")
    source = check_model(context.config.text.model)
    with _folder(context.kept) as kept:
        judged = judged_of(shop, context.config)
        source, report = taught(source, shop, context.config, kept, context.progress, judged)
    if report:
        part.json("learning", report)
    export_encoder(source, part.folder, texts=shop.texts, progress=context.progress)
    vectors = embed_texts(part.folder, shop.texts, context.progress)
    part.json("index", asdict(build_index(vectors, part.folder, progress=context.progress)))


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """For checkpoints: one of the text part's own below ``kept``, which other parts may use as well."""
    if kept is not None:
        yield kept / "text"
        with suppress(OSError):  # there was none, or it holds another part's
            kept.rmdir()
        return
    with tempfile.TemporaryDirectory(prefix="endcap-learning-") as scratch:
        yield Path(scratch)


text = Fitter(_text, timeless=True)
"""Fine-tuning reads events, but none of a window that the ranker learns from: see finetune/shop.py."""
