"""A bundle as it would have been trained at some moment: every part fitted on the events before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from endcap.bundle.manifest import Manifest
from endcap.bundle.writer import BundleWriter
from endcap.training.config import ShopConfig
from endcap.training.fit.fitter import Context, Fitter, fitters
from endcap.training.progress import Progress
from endcap.training.shop import Shop

PACKAGES = ("endcap", "numpy", "lightgbm")


def write_snapshot(writer: BundleWriter, shop: Shop, context: Context) -> Manifest:
    """Fit every part of ``shop``, which ends at its ``data_end``."""
    _fit(parts_of(shop), writer, shop, context)
    return manifest_of(shop, context.config)


def begin_snapshot(writer: BundleWriter, shop: Shop, context: Context) -> None:
    """The parts that need no other bundle of the shop. What is left is for ``finish_snapshot``."""
    _fit(_of_events_alone(parts_of(shop)), writer, shop, context)


def finish_snapshot(writer: BundleWriter, shop: Shop, context: Context, shared: Path) -> Manifest:
    """The rest of what ``begin_snapshot`` began: parts that read no events come from ``shared``, a bundle of the same
    shop at another time, and what reads those is fitted."""
    parts = parts_of(shop)
    for name, fitter in parts.items():
        if fitter.timeless:
            writer.share(name, shared)
    begun = _of_events_alone(parts)
    left = {name: fitter for name, fitter in parts.items() if not fitter.timeless and name not in begun}
    _fit(left, writer, shop, context)
    return manifest_of(shop, context.config)


def parts_of(shop: Shop) -> dict[str, Fitter]:
    """By name, in the order to fit them: those for which the shop has what they are made of."""
    return {
        name: fitter
        for name, fitter in fitters().items()
        if (name != "periods" or len(shop.periods)) and (not fitter.needs_events or shop.event_weights)
    }


def _of_events_alone(parts: Mapping[str, Fitter]) -> dict[str, Fitter]:
    """Those that neither are timeless nor wait for a part that is."""
    found: dict[str, Fitter] = {}
    for name, fitter in parts.items():  # whatever a part waits for stands before it
        if not fitter.timeless and all(other in found for other in fitter.after if other in parts):
            found[name] = fitter
    return found


def _fit(parts: Mapping[str, Fitter], writer: BundleWriter, shop: Shop, context: Context) -> None:
    for name, fitter in parts.items():
        context.progress(f"fitting {name}")
        fitter.fit(shop, writer.part(name), context)


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
