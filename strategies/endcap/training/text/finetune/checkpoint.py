"""What learning keeps on disk, so that it can go on after an interrupt: safetensors and JSON, no pickle."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

FILE = "learning.safetensors"


@dataclass
class State:
    """Where learning stands, beside the weights."""

    step: int = 0
    """Batches learned from."""
    best: float = float("-inf")
    best_step: int = 0
    seconds: float = 0.0
    """Spent so far, before interrupts too."""
    history: list[dict[str, float]] = field(default_factory=list)
    """``step``, ``score`` and the mean ``loss`` of the batches before, each time that it was judged."""
    losses: list[float] = field(default_factory=list)
    """Of the batches since."""


@dataclass(frozen=True)
class Checkpoint:
    """A folder of one learning's own; ``name`` tells it from every other, whose data or settings differ."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.{FILE}"

    def save(self, network: nn.Module, optimiser: torch.optim.Optimizer, best: dict[str, Tensor], state: State) -> None:
        """Whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"weight/{name}": value for name, value in learned(network).items()}
        tensors |= {f"best/{name}": value for name, value in best.items()}
        for place, values in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{place}/{name}": value for name, value in values.items()}
        fresh = self.path.with_suffix(".fresh")
        told = {"state": json.dumps(asdict(state))}
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, fresh, told)
        os.replace(fresh, self.path)

    def load(self, network: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[State, dict[str, Tensor]] | None:
        """Puts weights and optimiser where they were; None where nothing (or nothing whole) was kept."""
        try:
            with safe_open(self.path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
                state = State(**json.loads(file.metadata()["state"]))
        except (OSError, SafetensorError, KeyError, ValueError, TypeError):
            return None
        parts = _grouped(tensors)
        put_back(network, parts.get("weight", {}))
        steps: dict[int, dict[str, Tensor]] = {}
        for name, value in parts.get("optimiser", {}).items():
            place, key = name.split("/")
            steps.setdefault(int(place), {})[key] = value
        content: dict[str, Any] = {**optimiser.state_dict(), "state": steps}
        optimiser.load_state_dict(content)
        return state, parts.get("best", {})

    def remove(self) -> None:
        """What was kept, and the folder with what others of it left behind."""
        shutil.rmtree(self.folder, ignore_errors=True)


def learned(network: nn.Module) -> dict[str, Tensor]:
    """The weights that are being taught, by name."""
    return {name: value.detach() for name, value in network.named_parameters() if value.requires_grad}


def put_back(network: nn.Module, weights: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name in weights:
                value.copy_(weights[name])


def _grouped(tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    groups: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        group, _, rest = name.partition("/")
        groups.setdefault(group, {})[rest] = value
    return groups
