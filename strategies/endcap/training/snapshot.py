"""A bundle as it would have been trained at some moment: every part fitted on the events before it."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter
from endcap.training.config import ShopConfig
from endcap.training.fit.fitter import Context, fitters
from endcap.training.progress import Progress
from endcap.training.shop import Shop

PACKAGES = ("endcap", "numpy", "lightgbm")


def write_snapshot(writer: BundleWriter, shop: Shop, context: Context, shared: Path | None = None) -> Manifest:
    """Fit every part of ``shop``, which ends at its ``data_end``. Parts that read no events come from ``shared``."""
    for name, fitter in fitters().items():
        if (name == "periods" and not len(shop.periods)) or (fitter.needs_events and not shop.event_weights):
            continue
        if fitter.timeless and shared is not None:
            writer.share(name, shared)
        else:
            context.progress(f"fitting {name}")
            fitter.fit(shop, writer.part(name), context)
    return manifest_of(shop, context.config)


def manifest_of(shop: Shop, config: ShopConfig) -> Manifest:
    return Manifest(
        version="unsealed",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        shop=shop.name,
        clock=shop.clock,
        data_start=shop.data_start,
        data_end=shop.data_end,
        horizon_days=config.training.horizon_days,
        goal_types=shop.goal_types,
        event_weights=dict(shop.event_weights),
        counts={
            "events": len(shop.log),
            "items": len(shop.item_ids),
            "shoppers": len(shop.user_ids),
            "texts": len(shop.texts),
        },
        strategies=config.strategies,
        default_strategy=config.default_strategy,
        packages={name: version(name) for name in PACKAGES},
    )


def snapshot_at(out: Path, shop: Shop, config: ShopConfig, time: int, progress: Progress) -> Path:
    """A sealed bundle of what was known at ``time``, in ``out``; without a ranker. For replays and experiments."""
    with BundleWriter(out) as writer:
        manifest = write_snapshot(writer, shop.before(time), Context(config, progress))
        return writer.seal(manifest)
