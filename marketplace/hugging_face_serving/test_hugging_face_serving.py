"""Tests of the item hugging_face_serving, with a tiny model that they make themselves."""

from __future__ import annotations

from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError
from mlrun_like.serving import Client, serve

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("torch", reason="torch is not installed")
    transformers: Any = pytest.importorskip("transformers", reason="transformers is not installed")
    tokenizers: Any = pytest.importorskip("tokenizers")
    made = tmp_path_factory.mktemp("bert")
    numbers = {word: number for number, word in enumerate(WORDS)}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, "[UNK]"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    marks = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw, **marks)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, max_position_embeddings=16, id2label={0: "neg", 1: "pos"},
        label2id={"neg": 0, "pos": 1},
    )  # fmt: skip
    transformers.BertForSequenceClassification(config).save_pretrained(made)
    tokenizer.save_pretrained(made)
    return str(made)


def _function(**options: Any) -> Any:
    function: Any = ml.import_function("hub://hugging_face_serving")
    values = {"task": "text-classification", **options}
    function.add_model("mood", class_name="HuggingFaceModelServer", model_path="none", **values)
    return function


def _expected(folder: str, texts: list[str]) -> list[dict[str, Any]]:
    """The model asked without a pipeline."""
    torch: Any = pytest.importorskip("torch")
    transformers: Any = pytest.importorskip("transformers")
    net = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        chances = net(**tokenizer(texts, return_tensors="pt", padding=True)).logits.softmax(1)
    best = chances.max(1)
    return [
        {"label": ["neg", "pos"][int(at)], "score": pytest.approx(float(score), abs=1e-5)}
        for at, score in zip(best.indices, best.values, strict=True)
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_answers_are_the_models(folder: str) -> None:
    texts = ["good film", "bad bad film"]
    function = _function(
        model_name=folder, model_class="AutoModelForSequenceClassification",
        tokenizer_name=folder, tokenizer_class="AutoTokenizer",
    )  # fmt: skip
    answer = function.to_mock_server().test("/v2/models/mood/infer", body={"inputs": texts})
    assert answer["outputs"] == _expected(folder, texts)
    with serve(_function(model_name=folder)) as running, Client(running.url) as client:
        assert client.infer(texts, "mood")["outputs"] == _expected(folder, texts)
        body = {"inputs": texts[:1], "parameters": {"top_k": 2}}
        found = client.post("/v2/models/mood/infer", body)["outputs"][0]
        assert sorted(one["label"] for one in found) == ["neg", "pos"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_what_does_not_fit(folder: str) -> None:
    with pytest.raises(MLRunLikeError, match="no class 'AutoSpam'"):
        _function(model_name=folder, model_class="AutoSpam").to_mock_server()
    server = _function(model_name=folder).to_mock_server()
    with pytest.raises(MLRunLikeError, match="refused the inputs"):
        server.test("/v2/models/mood/infer", body={"inputs": [3]})
