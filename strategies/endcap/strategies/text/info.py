"""encoder.json: what a reader must know of an exported encoder, and how near it came to the model it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from endcap.bundle.folder import BundleError

GRAPH_NAME = "encoder.onnx"
TOKENIZER_NAME = "tokenizer.json"
INFO_NAME = "encoder.json"


class Parity(BaseModel):
    """The exported encoder beside the fp32 model it was made from, over a sample of texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cosine: float
    """Mean cosine between both vectors of a text."""
    neighbour_overlap: float
    """Mean share of a text's ten nearest that both agree on."""
    texts: int


class EncoderInfo(BaseModel):
    """The content of encoder.json. It names the model, never a path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    model: str
    dimension: PositiveInt
    max_tokens: PositiveInt
    """Texts of items are cut here, special tokens included."""
    query_max_tokens: PositiveInt
    """Queries are cut here: a longer one costs more time than its tail adds."""
    pooling: Literal["mean", "cls"]
    precision: Literal["int8", "int8-partial", "fp32"]
    """``int8-partial`` keeps the matrices that narrow the vectors (the second of each feed-forward layer) in fp32."""
    parity: Parity | None = None
    note: str = ""
    """Why it isn't int8 through and through where that was asked for, or empty."""

    @property
    def quantised(self) -> bool:
        return self.precision != "fp32"

    def write(self, folder: Path) -> None:
        (folder / INFO_NAME).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @staticmethod
    def read(folder: Path) -> EncoderInfo:
        """Raises BundleError where the file is missing, of another format or incomplete."""
        path = folder / INFO_NAME
        try:
            return EncoderInfo.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise BundleError(f"no encoder in {folder}: expected a file {INFO_NAME}") from None
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"])) or "the file"
            raise BundleError(f"{path}: {key}: {first['msg']}; it was written by another version of Endcap") from error
