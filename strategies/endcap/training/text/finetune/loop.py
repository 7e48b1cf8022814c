"""The loop that teaches a network: steps, judging, stopping early, keeping what it has for after an interrupt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from endcap.training.progress import Progress
from endcap.training.text.finetune.checkpoint import Checkpoint, State, learned, put_back
from endcap.training.text.finetune.device import computing

LONGEST_GRADIENT = 1.0
WARM_UP = 0.1
"""Of the steps, over which the rate rises; it falls to nothing over the others."""


@dataclass(frozen=True)
class Plan:
    name: str
    """What progress calls it."""
    steps: int
    minutes: float
    learning_rate: float
    seed: int
    judge_every: int = 50
    keep_every: int = 25
    patience: int = 3
    """Judged this often without becoming better, it ends."""


class Lesson(NamedTuple):
    learn: Callable[[int], float]
    """Adds the gradients of batch number ``step`` and returns its loss."""
    judge: Callable[[], float] | None
    """How good the network is, higher is better; None: nothing to tell by, it learns to the end."""


class Learned(NamedTuple):
    state: State
    ended: Literal["steps", "patience", "minutes"]


def teach(
    network: nn.Module, lesson: Lesson, plan: Plan, kept: Checkpoint, device: torch.device, progress: Progress
) -> Learned:
    """Leaves ``network`` as it was when judged best, which may be as it came.

    An interrupt leaves a checkpoint of at most ``keep_every`` steps ago, from which the same call goes on; the result
    is then the same as without the interrupt.
    """
    with _own_random_numbers(), computing(device):
        learning = _Learning(network, lesson, plan, kept)
        ended = learning.run(progress)
    put_back(network, learning.best)
    network.eval()
    return Learned(learning.state, ended)


class _Learning:
    def __init__(self, network: nn.Module, lesson: Lesson, plan: Plan, kept: Checkpoint) -> None:
        self.network, self.lesson, self.plan, self.kept = network, lesson, plan, kept
        self.weights = [value for value in network.parameters() if value.requires_grad]
        self.optimiser = torch.optim.AdamW(self.weights, lr=plan.learning_rate, weight_decay=0.01)
        self.state, self.best = kept.load(network, self.optimiser) or (State(), _copy(network))

    def run(self, progress: Progress) -> Literal["steps", "patience", "minutes"]:
        plan, state = self.plan, self.state
        before, began = state.seconds, time.monotonic()
        if not state.step:
            self._judge()
        while state.step < plan.steps:
            progress(plan.name, state.step, plan.steps)
            self._step(state.step)
            state.step += 1
            state.seconds = before + time.monotonic() - began
            if state.step % plan.judge_every == 0 or state.step == plan.steps:
                self._judge()
            if state.step % plan.keep_every == 0:
                self.kept.save(self.network, self.optimiser, self.best, state)
            if self.lesson.judge and self._waited() >= plan.patience:
                return "patience"
            if state.seconds > 60 * plan.minutes:
                self._judge()
                return "minutes"
        return "steps"

    def _step(self, step: int) -> None:
        torch.manual_seed(self.plan.seed * 1_000_003 + step)  # dropout: of the step alone, whatever came before
        self.network.train()
        self.optimiser.param_groups[0]["lr"] = self.plan.learning_rate * _rate(step, self.plan.steps)
        self.state.losses.append(self.lesson.learn(step))
        torch.nn.utils.clip_grad_norm_(self.weights, LONGEST_GRADIENT)
        self.optimiser.step()
        self.optimiser.zero_grad()

    def _judge(self) -> None:
        state = self.state
        if state.history and state.history[-1]["step"] == state.step:
            return
        self.network.eval()
        score = self.lesson.judge() if self.lesson.judge else float(state.step)
        loss = sum(state.losses) / max(1, len(state.losses))
        state.history.append({"step": state.step, "score": round(score, 4), "loss": round(loss, 4)})
        state.losses.clear()
        if score > state.best:
            state.best, state.best_step, self.best = score, state.step, _copy(self.network)

    def _waited(self) -> int:
        return sum(entry["step"] > self.state.best_step for entry in self.state.history)


def _rate(step: int, steps: int) -> float:
    warm = max(1, round(WARM_UP * steps))
    return min((step + 1) / warm, (steps - step) / max(1, steps - warm))


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in learned(network).items()}


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """What the caller draws from torch's generator afterwards is what it would have been."""
    with torch.random.fork_rng():
        yield


def shorter(plan: Plan, steps: int) -> Plan:
    """The plan over so many steps, judged at least four times."""
    return replace(plan, steps=steps, judge_every=max(1, min(plan.judge_every, -(-steps // 4))))
