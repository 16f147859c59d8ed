"""A tiny, untrained model is made on this machine, so nothing is fetched; then it is served."""

from __future__ import annotations

import tempfile
from typing import Any

import tokenizers
import transformers

import mlrun_like as ml

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]


def make(folder: str) -> None:
    """Write a model and its tokenizer into a folder."""
    numbers = {word: number for number, word in enumerate(WORDS)}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, "[UNK]"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    marks = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    transformers.PreTrainedTokenizerFast(tokenizer_object=raw, **marks).save_pretrained(folder)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = transformers.BertConfig(
        vocab_size=len(WORDS), intermediate_size=8, id2label={0: "neg", 1: "pos"}, **sizes
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        function: Any = ml.import_function("hub://hugging_face_serving")
        function.add_model("mood", model_path=folder, task="text-classification")
        server = function.to_mock_server()
        body = {"inputs": ["good film", "bad film"], "parameters": {"top_k": 2}}
        for row in server.test("/v2/models/mood/infer", body=body)["outputs"]:
            print(row)
