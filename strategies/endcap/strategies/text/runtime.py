"""What the machine lends to a bundle's texts: a device to compute on, a folder for what should outlive a process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from endcap.bundle.folder import Bundle
from endcap.strategies.text.device import Device

_KEY: Final = "text_runtime"


@dataclass(frozen=True)
class TextRuntime:
    device: Device = "auto"
    """``auto``: a GPU where there is one that can be used, see ``device.py``."""
    cache_folder: Path | None = None
    """Where query vectors are kept, see ``kept.py``; None: they live as long as the process."""


def set_runtime(bundle: Bundle, runtime: TextRuntime) -> None:
    """Before the bundle's strategies are built; later it has no effect."""
    bundle.once(_KEY, lambda: runtime)


def runtime_of(bundle: Bundle) -> TextRuntime:
    return bundle.once(_KEY, TextRuntime)
