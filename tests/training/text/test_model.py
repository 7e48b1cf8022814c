from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from endcap.training.text.folder import ModelError, find_model
from endcap.training.text.model import check_model, load_model

from ...support import small_bert


def test_a_tokenizer_with_more_ids_than_the_model_is_refused(bert: Path) -> None:
    small_bert.write_tokenizer(bert, [*small_bert.VOCABULARY, "surplus"])
    rows = len(small_bert.VOCABULARY)
    with pytest.raises(ModelError, match=f"tokenizer in {bert} doesn't fit .* up to {rows}, and the model has {rows} "):
        load_model(find_model(bert))


def test_weights_of_another_vocabulary_than_the_config_says_are_refused(bert: Path) -> None:
    config = json.loads((bert / "config.json").read_text())
    (bert / "config.json").write_text(json.dumps({**config, "vocab_size": config["vocab_size"] + 1}))
    small_bert.write_tokenizer(bert, [*small_bert.VOCABULARY, "surplus"])
    with pytest.raises(ModelError, match=f"{bert}: its weights have other sizes than its config"):
        check_model(bert)


def test_a_tokenizer_with_far_fewer_ids_than_the_model_is_refused(bert: Path) -> None:
    small_bert.write_tokenizer(bert, small_bert.VOCABULARY[:50])
    with pytest.raises(ModelError, match="doesn't fit the model: its ids go up to 49"):
        load_model(find_model(bert))


def test_a_tokenizer_that_pads_with_another_token_is_refused(bert: Path) -> None:
    small_bert.write_tokenizer(bert, small_bert.VOCABULARY, padding="milk")
    with pytest.raises(ModelError, match=r"it pads with id .*, and the model with 0"):
        load_model(find_model(bert))


def test_a_folder_without_a_tokenizer_is_named(bert: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (bert / name).unlink()
    with pytest.raises(ModelError, match=str(bert)):
        load_model(find_model(bert))


def test_weights_that_are_not_there_are_not_made_up(bert: Path) -> None:
    weights = load_file(bert / "model.safetensors")
    gone = next(name for name in weights if "layer.1.output.dense" in name)
    save_file({name: value for name, value in weights.items() if name != gone}, bert / "model.safetensors")
    with pytest.raises(ModelError, match=f"the weights in {bert} lack 1 of the model's, such as encoder.layer.1"):
        load_model(find_model(bert))


@pytest.mark.parametrize("content", [b"", b"not safetensors, though it is long enough to be read as a header"])
def test_broken_weights_are_named(bert: Path, content: bytes) -> None:
    (bert / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=f"cannot read the model in {bert}"):
        load_model(find_model(bert))


def test_a_text_is_lower_cased_where_the_authors_say_so(bert: Path) -> None:
    tokenizer = (bert / "tokenizer.json").read_text().replace('"lowercase":true', '"lowercase":false')
    (bert / "tokenizer.json").write_text(tokenizer.replace('"lowercase": true', '"lowercase": false'))
    plain = load_model(find_model(bert))
    assert (plain.encode(["MILK"], 16) != plain.encode(["milk"], 16)).any()
    (bert / "sentence_bert_config.json").write_text('{"max_seq_length": 32, "do_lower_case": true}')
    lowered = load_model(find_model(bert))
    np.testing.assert_array_equal(lowered.encode(["MILK"], 16), lowered.encode(["milk"], 16))
    assert lowered.most_tokens == 32
