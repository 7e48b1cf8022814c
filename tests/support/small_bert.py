"""A BERT of two thin layers with random weights, in the folder that transformers and sentence-transformers expect."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoModel, BertConfig, PreTrainedTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [
    *"abcdefghijklmnopqrstuvwxyz0123456789",
    *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"),
]
WORDS = ["milk", "butter", "coffee", "tea", "bread", "organic", "small", "large", "watch", "phone", "shoes"]
CHINESE = [*"智能手表机牛奶黄油咖啡茶面包有的小大鞋电脑运动防水"]
VOCABULARY = [*SPECIAL, *LETTERS, *WORDS, *CHINESE]


def shape(**changes: Any) -> dict[str, Any]:
    """The sizes of a thin transformer, by the names that most configs share."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    return {"vocab_size": len(VOCABULARY), "pad_token_id": 0, "initializer_range": 0.3, **sizes, **changes}


def write_model(folder: Path, config: Any = None) -> Any:
    """Saves a model of ``config`` (a thin BERT by default) and its tokenizer; returns the model."""
    torch.manual_seed(7)
    auto: Any = AutoModel  # untyped
    model = auto.from_config(config or BertConfig(**shape()))
    model.eval().save_pretrained(folder)
    write_tokenizer(folder, VOCABULARY)
    return model


def write_tokenizer(folder: Path, vocabulary: list[str], padding: str = "[PAD]") -> None:
    plain = Tokenizer(models.WordPiece({word: number for number, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    plain.normalizer = normalizers.BertNormalizer()
    plain.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", vocabulary.index("[CLS]")), ("[SEP]", vocabulary.index("[SEP]"))]
    plain.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    fast: Any = PreTrainedTokenizerFast  # untyped
    fast(
        tokenizer_object=plain, pad_token=padding, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)


def write_pooling(folder: Path, **config: Any) -> None:
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))


def titles(count: int = 120) -> list[str]:
    """Distinct titles in two scripts."""
    first, second = WORDS, CHINESE
    return [
        f"{first[i % len(first)]} {second[i * 7 % len(second)]}{second[i * 3 % len(second)]} {i}" for i in range(count)
    ]


def copy_of(model: Path, into: Path) -> Path:
    return Path(shutil.copytree(model, into / model.name))


def tokenizer_of(content: str) -> Tokenizer:
    return Tokenizer.from_str(content)
