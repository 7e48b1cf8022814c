"""A sentence encoder in PyTorch: loaded from its folder, checked, and given its pooling and normalisation."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from endcap.training.text.folder import ModelError, ModelFolder, Pooling, find_model

LEAST_VOCABULARY = 0.9
"""A tokenizer that knows fewer of the model's rows than this belongs to another model; padding explains the rest."""


class PooledEncoder(nn.Module):
    """Token ids to one unit vector a text: int64[n, length] twice (ids, mask) -> float32[n, d]."""

    def __init__(self, body: nn.Module, pooling: Pooling) -> None:
        super().__init__()
        self.body = body
        self.pooling = pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states: Tensor = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = states[:, 0] if self.pooling == "cls" else _mean(states, attention_mask)
        return functional.normalize(pooled, dim=1)


@dataclass(frozen=True)
class SourceModel:
    """The fp32 model that an export is made from and measured against."""

    folder: ModelFolder
    network: PooledEncoder
    tokenizer_json: str
    """Without padding and truncation: the reader sets its own."""
    dimension: int
    most_tokens: int
    """What its position embeddings have room for, or its authors' own limit where that is lower."""

    def encode(self, texts: Sequence[str], max_tokens: int) -> npt.NDArray[np.float32]:
        """float32[n, d] by PyTorch, each text alone: nothing is padded, so nothing can leak from padding."""
        tokenizer = Tokenizer.from_str(self.tokenizer_json)
        tokenizer.enable_truncation(max_tokens)
        with torch.inference_mode(), one_torch_thread():
            rows = [self._encode_ids(tokenizer.encode(text).ids) for text in texts]
        return np.concatenate(rows)

    def _encode_ids(self, ids: list[int]) -> npt.NDArray[np.float32]:
        tensor = torch.tensor([ids])
        return np.asarray(self.network(tensor, torch.ones_like(tensor)).numpy(), np.float32)


def check_model(model: str | Path | None) -> SourceModel:
    """The encoder of ``[text] model`` (a folder, a name, or None for the default), read and found fit to train with.

    A second or so: to be called before the minutes of work that a bad model would make worthless. Raises ModelError,
    one line, where there is none (it says where was looked), it has no safetensors, or its tokenizer doesn't fit.
    """
    return load_model(find_model(model))


def load_model(folder: ModelFolder) -> SourceModel:
    """Reads weights and tokenizer. Raises ModelError where they can't be read or don't fit each other."""
    with quiet():
        body, tokenizer = _load(folder)
    body.eval()
    _check_fit(folder, body.config, tokenizer)
    return SourceModel(
        folder=folder,
        network=PooledEncoder(body, folder.pooling).eval(),
        tokenizer_json=_tokenizer_json(folder, tokenizer),
        dimension=int(body.config.hidden_size),
        most_tokens=_most_tokens(folder, body.config),
    )


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """The same sums whatever the number of cores, and no waiting for threads that have next to nothing to do."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the libraries' own warnings and progress bars: our caller reports, and checks what they warn of."""
    from transformers import utils

    logging: Any = utils.logging  # its functions carry no types
    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _load(folder: ModelFolder) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder.folder), **options)
        body, loading = AutoModel.from_pretrained(
            str(folder.folder),
            use_safetensors=True,
            dtype=torch.float32,
            attn_implementation="eager",  # plain operators, which every ONNX Runtime has and quantises
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # transformers raises a dozen types for folders it cannot read
        raise ModelError(f"cannot read the model in {folder.folder}: {_first_line(error)}") from error
    # A weight that the file lacks would silently be random. The pooler is not part of our graph.
    if missing := sorted(name for name in loading["missing_keys"] if "pooler" not in name):
        raise ModelError(f"the weights in {folder.folder} lack {len(missing)} of the model's, such as {missing[0]}")
    return body, tokenizer


def _check_fit(folder: ModelFolder, config: Any, tokenizer: Any) -> None:
    """Raises ModelError where the tokenizer is another model's."""
    rows, highest = int(config.vocab_size), max(tokenizer.get_vocab().values(), default=-1)
    if highest >= rows or highest + 1 < LEAST_VOCABULARY * rows:
        raise ModelError(
            f"the tokenizer in {folder.folder} doesn't fit the model: its ids go up to {highest}, and the model has "
            f"{rows} token embeddings; take the tokenizer that the model was trained with"
        )
    padding = getattr(config, "pad_token_id", None)
    if None not in (padding, tokenizer.pad_token_id) and padding != tokenizer.pad_token_id:
        raise ModelError(
            f"the tokenizer in {folder.folder} doesn't fit the model: it pads with id {tokenizer.pad_token_id}, and "
            f"the model with {padding}; take the tokenizer that the model was trained with"
        )


def _tokenizer_json(folder: ModelFolder, tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(f"the tokenizer in {folder.folder} has no fast form: expected a tokenizer.json beside it")
    plain = Tokenizer.from_str(backend.to_str())
    plain.no_padding()
    plain.no_truncation()
    return _lowercased(plain.to_str()) if folder.lowercase else plain.to_str()


def _lowercased(tokenizer_json: str) -> str:
    content = json.loads(tokenizer_json)
    steps = [{"type": "Lowercase"}, content["normalizer"]]
    content["normalizer"] = {"type": "Sequence", "normalizers": [step for step in steps if step]}
    return json.dumps(content, ensure_ascii=False)


def _most_tokens(folder: ModelFolder, config: Any) -> int:
    positions = int(getattr(config, "max_position_embeddings", 512))
    if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        positions -= 2  # these count positions from the padding id on
    return min(positions, folder.max_tokens or positions)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)


def _first_line(error: Exception) -> str:
    if "mismatched_sizes" in str(error):
        return "its weights have other sizes than its config.json says, such as a vocabulary of another model"
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
