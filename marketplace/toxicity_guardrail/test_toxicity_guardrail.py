"""ToxicityGuardrailStep with a classifier of the test, and with a real one of transformers."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.marketplace.importing import import_module

HAS_MODELS = all(importlib.util.find_spec(one) for one in ("transformers", "torch"))


@cache
def module() -> Any:
    """The item's code."""
    return import_module("hub://toxicity_guardrail")


def step(**arguments: Any) -> Any:
    """The step as an object."""
    return module().ToxicityGuardrailStep(**arguments)


def classify(text: str) -> list[dict[str, Any]]:
    if "idiot" in text:
        return [{"label": "toxic", "score": 0.973}]
    return [{"label": "non-toxic", "score": 0.99}]


def test_toxic_requests_are_refused_in_a_graph() -> None:
    fn: Any = ml.new_function("polite", kind="serving")
    graph = fn.set_topology("flow", engine="async")
    graph.to("hub://toxicity_guardrail", "guard", classifier=classify).respond()
    server = fn.to_mock_server()
    assert server.test("/", body={"question": "What?", "n": 1}) == {"question": "What?", "n": 1}
    with pytest.raises(Exception, match=r"Request blocked: toxicity score 0\.973 >= 0\.5"):
        server.test("/", body={"question": "you idiot"})
    server.wait_for_completion()


@pytest.mark.parametrize(
    ("answer", "threshold", "passes"),
    [
        ([{"label": "toxic", "score": 0.5}], 0.5, False),
        ([{"label": "toxic", "score": 0.49}], 0.5, True),
        ([{"label": "neutral", "score": 0.3}], 0.6, False),
        ([[{"label": "toxic", "score": 0.9}]], 0.5, False),
        ([{"label": "toxic", "score": float("nan")}], 0.5, False),
        ([], 1.0, False),  # what cannot be judged does not pass
    ],
)
def test_scores(answer: Any, threshold: float, passes: bool) -> None:
    made = step(threshold=threshold, classifier=lambda text: answer)
    if passes:
        assert made.do({"question": "x"}) == {"question": "x"}
    else:
        with pytest.raises(ValueError, match="Request blocked"):
            made.do({"question": "x"})


def test_long_texts_are_read_to_their_end() -> None:
    made = step(classifier=classify)
    for place in (0, 700, 1395, 1450, 5000, 9990):
        text = "fine " * 2000
        with pytest.raises(ValueError, match="Request blocked"):
            made.do({"question": text[:place] + "idiot" + text[place:]})
    assert made.do({"question": "fine " * 2000})


def test_events_without_a_text_pass() -> None:
    made = step(classifier=lambda text: [{"label": "toxic", "score": 1.0}])
    for event in ({}, {"question": ""}, {"question": None}, {"other": "you idiot"}):
        assert made.do(event) == event


@pytest.mark.parametrize("threshold", [-0.1, 1.5, "high", None])
def test_thresholds_that_cannot_be_used(threshold: Any) -> None:
    with pytest.raises(ml.errors.InvalidArgumentError, match="from 0 to 1"):
        step(threshold=threshold)


@pytest.mark.skipif(HAS_MODELS, reason="transformers is installed")
def test_without_transformers_the_message_says_what_to_install() -> None:
    with pytest.raises(ml.errors.MissingDependencyError, match="huggingface"):
        step().post_init()


@pytest.mark.slow
@pytest.mark.skipif(not HAS_MODELS, reason="needs transformers and torch")
def test_a_real_classifier(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    transformers: Any = pytest.importorskip("transformers")

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "you", "good", "bad"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = transformers.BertConfig(
        vocab_size=len(words), intermediate_size=8, id2label={0: "fine", 1: "toxic"}, **shape
    )
    model = transformers.BertForSequenceClassification(config)
    with torch.no_grad():  # it finds everything toxic
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([0.0, 3.0]))
    model.save_pretrained(tmp_path)
    made = step(model_name=str(tmp_path))
    made.post_init()
    with pytest.raises(ValueError, match=r"toxicity score 0\.953 >= 0\.5"):
        made.do({"question": "you good " * 2000})
