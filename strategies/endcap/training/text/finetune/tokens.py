"""Texts to padded token ids, as a network takes them; each distinct text of a batch once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from endcap.training.text.model import PooledEncoder, SourceModel

MAX_TOKENS = 32
"""Learning reads texts up to here, special tokens included: what tells items apart stands in front."""
AT_ONCE = 64
"""Texts through the network together: short ones with short ones, so that little is spent on padding."""


class Reader:
    """Texts to vectors by a network that is being taught."""

    def __init__(self, source: SourceModel, device: torch.device) -> None:
        self.tokenizer = Tokenizer.from_str(source.tokenizer_json)
        self.tokenizer.enable_truncation(min(MAX_TOKENS, source.most_tokens))
        self.device = device

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """(ids, mask), int64[n, longest] each."""
        # Not encode_batch: its threads would outlive us, and a short text takes microseconds.
        rows = [torch.tensor(self.tokenizer.encode(text).ids or [0]) for text in texts]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).to(ids.dtype)
        return ids.to(self.device), mask.to(self.device)

    def vectors(self, network: PooledEncoder, texts: Sequence[str]) -> Tensor:
        """float32[n, d] of ``texts``, with gradients where they are wanted."""
        distinct = sorted(dict.fromkeys(texts), key=len)
        parts = [distinct[start : start + AT_ONCE] for start in range(0, len(distinct), AT_ONCE)]
        vectors = torch.cat([network(*self.tokens(part)).float() for part in parts])
        rows = {text: row for row, text in enumerate(distinct)}
        return vectors[[rows[text] for text in texts]]

    def all_vectors(self, network: PooledEncoder, texts: Sequence[str]) -> Tensor:
        """As ``vectors``, without gradients."""
        with torch.no_grad():
            return self.vectors(network, texts)
