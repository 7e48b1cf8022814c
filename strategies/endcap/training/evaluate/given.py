"""What an evaluation was asked for, and whether it can be: before tables are read, and once they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from endcap.bundle.folder import Bundle, BundleError, open_bundle
from endcap.training.config import ShopConfig
from endcap.training.errors import ConfigError
from endcap.training.evaluate.plain import moment
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.questions import Translation
from endcap.training.ready import check_text_model

LEAST_KNOWN = 0.5
"""A bundle that knows fewer of the items that shoppers went for before the window learned from other data."""


@dataclass(frozen=True)
class Options:
    protocol: str = "temporal"
    holdout_days: float = 28.0
    bundle: Path | None = None
    """A bundle trained before the test window; None: train one on what lies before it."""
    ablate: bool = False


def given_bundle(config: ShopConfig, options: Options) -> Bundle | None:
    """The bundle asked for, opened; None where one has to be trained, which then can be.

    Raises ConfigError or BundleError for what can be told without the shop's tables.
    """
    check_events(config, "evaluation without --judgments")
    if not isfinite(options.holdout_days) or options.holdout_days <= 0:
        raise ConfigError(f"--holdout-days: found {options.holdout_days:g}, expected a number of days above 0")
    if options.bundle is None:
        check_text_model(config)
        return None
    if options.ablate:
        raise ConfigError("--bundle does not go with --ablate, which has to know how the bundle was trained")
    if options.protocol == "leave_one_out":
        raise ConfigError("--bundle does not go with --protocol leave_one_out: a bundle has seen the events left out")
    return open_bundle(options.bundle)


def check_events(config: ShopConfig, what: str) -> None:
    if config.events is None:
        raise ConfigError(f"'events' is missing in shop.toml: {what} needs to know what shoppers did")


def check_bundle(bundle: Bundle, holdout: Holdout) -> None:
    """Raises BundleError where it is another shop's, or has seen anything of what is held back."""
    _check_shop(bundle, holdout)
    cutoff = int(Translation.between(holdout.known, bundle).times(np.array([holdout.cutoff]))[0])
    if bundle.manifest.data_end > cutoff:
        seen, allowed = (moment(bundle.manifest.clock, time) for time in (bundle.manifest.data_end, cutoff))
        raise BundleError(
            f"{bundle.folder} has learned from events up to {seen}, but the test window begins at {allowed}; train "
            "one on earlier events, or leave --bundle out and one is trained"
        )


def _check_shop(bundle: Bundle, holdout: Holdout) -> None:
    known, theirs = holdout.known, bundle.manifest.clock
    if known.clock.kind != theirs.kind:
        raise BundleError(
            f"{bundle.folder} has learned from times of the kind {theirs.kind!r}, and this shop's are of the kind "
            f"{known.clock.kind!r}; is it another shop's? leave --bundle out and one is trained"
        )
    sold = np.unique(known.log.items)
    there = np.count_nonzero(Translation.between(known, bundle).items[sold] >= 0)
    if there < LEAST_KNOWN * len(sold):
        raise BundleError(
            f"{bundle.folder}, a bundle of {bundle.manifest.shop!r}, knows {there:,} of the {len(sold):,} items with "
            "events before the test window; is it another shop's? leave --bundle out and one is trained"
        )
