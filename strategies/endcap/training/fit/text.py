"""The text part: the exported encoder, a vector for each distinct text, and the index over them."""

from __future__ import annotations

from dataclasses import asdict

from endcap.bundle.writer import PartWriter
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.shop import Shop
from endcap.training.text.embed import embed_texts
from endcap.training.text.export import export_encoder
from endcap.training.text.index import build_index


def _text(shop: Shop, part: PartWriter, context: Context) -> None:
    export_encoder(context.config.text.model, part.folder, progress=context.progress)
    vectors = embed_texts(part.folder, shop.texts, context.progress)
    part.array("vectors", vectors)
    part.json("index", asdict(build_index(vectors, part.folder, progress=context.progress)))


text = Fitter(_text, timeless=True)
