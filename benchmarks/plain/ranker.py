"""LightGBM's own prediction, and the small network in torch."""

from __future__ import annotations

import lightgbm
import numpy as np
import torch

from endcap.bundle.folder import Bundle

LIMIT = 4.0


class Ranker:
    def __init__(self, bundle: Bundle) -> None:
        part = bundle.part("ranker")
        self.names: list[str] = part.json("features")
        self.booster = lightgbm.Booster(model_file=str(part.file("model.txt")))
        self.net = Network(part) if "blend.json" in part.files() and part.json("blend")["share"] else None
        self.blend = part.json("blend") if self.net else {"share": 0.0, "scale": 1.0}

    def score(self, rows: np.ndarray) -> np.ndarray:
        """float64[n] from float32[n, k]."""
        trees = self.booster.predict(rows, num_threads=1, raw_score=True)
        if self.net is None:
            return trees
        share, scale = self.blend["share"], self.blend["scale"]
        return (1.0 - share) * trees + share * scale * self.net(rows)


class Network:
    def __init__(self, part) -> None:
        arrays = {name: torch.from_numpy(np.array(part.array(f"net.{name}"))) for name in _PARTS}
        self.means, self.scales = arrays["means"].numpy(), arrays["scales"].numpy()
        self.flags = arrays["flags"].numpy()
        self.layers = torch.nn.Sequential(
            _linear(arrays["first"], arrays["first_bias"]),
            torch.nn.ReLU(),
            _linear(arrays["second"], arrays["second_bias"]),
            torch.nn.ReLU(),
            _linear(arrays["last"][:, None], arrays["last_bias"]),
        ).eval()

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """float32[n] from float32[n, k]."""
        values = np.clip((np.copysign(np.log1p(np.abs(rows)), rows) - self.means) * self.scales, -LIMIT, LIMIT)
        missing = np.isnan(values)
        inputs = np.hstack([np.where(missing, 0.0, values), missing[:, self.flags]]).astype(np.float32)
        with torch.inference_mode():
            return self.layers(torch.from_numpy(inputs))[:, 0].numpy()


_PARTS = ("means", "scales", "flags", "first", "first_bias", "second", "second_bias", "last", "last_bias")


def _linear(weights: torch.Tensor, bias: torch.Tensor) -> torch.nn.Linear:
    layer = torch.nn.Linear(*weights.shape)
    layer.weight.data, layer.bias.data = weights.T.contiguous(), bias
    return layer
