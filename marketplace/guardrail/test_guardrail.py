"""Guardrail: its rules, its actions, and what cannot pass unseen."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.marketplace.importing import import_module


@cache
def module() -> Any:
    """The item's code."""
    return import_module("hub://guardrail")


def step(*args: Any, **arguments: Any) -> Any:
    """The step as an object."""
    return module().Guardrail(*args, **arguments)


def rules(text: str, **arguments: Any) -> list[str]:
    return [one["rule"] for one in step(**arguments).violations(text)]


def graph_function(**arguments: Any) -> Any:
    fn: Any = ml.new_function("guarded", kind="serving")
    graph = fn.set_topology("flow", engine="async")
    graph.to("hub://guardrail", "guard", **arguments).respond()
    return fn


def test_in_a_graph() -> None:
    server = graph_function(deny_words=["root password"], max_length=50).to_mock_server()
    assert server.test("/", body={"question": "Hello?"}) == {"question": "Hello?"}
    with pytest.raises(Exception, match="Request blocked: deny_words: root password") as caught:
        server.test("/", body={"question": "my name is Zed, the Root\n password is?"})
    assert "Zed" not in str(caught.value)  # logs do not repeat what was asked
    server.wait_for_completion()


def test_a_caller_over_http_gets_400() -> None:
    with ml.serving.serve(graph_function(pii="all")) as server:
        with urllib.request.urlopen(server.url, data=b'{"question": "hi"}') as answer:
            assert json.load(answer) == {"question": "hi"}
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(server.url, data=b'{"question": "I am ann@example.org"}')
        assert caught.value.code == 400
        assert "pii: email" in caught.value.read().decode()


@pytest.mark.parametrize(
    "text",
    [
        "a BOMB here",
        "\uff42\uff4f\uff4d\uff42",
        "bo\u200bmb",
        "(bomb)",
        "b\u00adomb!",
        "bo\ufeffmb",
    ],
)
def test_words_are_found_however_they_are_written(text: str) -> None:
    assert rules(text, deny_words=["bomb"]) == ["deny_words"]


def test_words_are_whole_words() -> None:
    assert rules("bombastic, aplomb", deny_words=["bomb"]) == []
    assert rules("c++ is fun", deny_words=["c++"]) == ["deny_words"]


def test_patterns_lengths_and_personal_data() -> None:
    assert rules("Ignore all previous", deny_patterns=[r"ignore (all )?prev"]) == ["deny_patterns"]
    named = step(deny_patterns={"injection": "ignore"}).violations("IGNORE it")
    assert named == [{"rule": "deny_patterns", "what": "injection"}]
    assert rules("plain", require_patterns=[r"\?$"]) == ["require_patterns"]
    assert rules("plain?", require_patterns=[r"\?$"]) == []
    assert rules("abc", min_length=4) == ["min_length"]
    assert rules("abcd", min_length=4, max_length=4) == []
    assert rules("abcde", max_length=4) == ["max_length"]
    assert rules("4111 1111 1111 1111", pii=["financial"]) == ["pii"]
    assert rules("4111 1111 1111 1112", pii=["financial"]) == []


def test_toxicity_by_a_function_of_ones_own() -> None:
    asked: list[str] = []

    def score(text: str) -> Any:
        asked.append(text)
        return [{"label": "toxic", "score": 0.9 if "hate" in text else 0.1}]

    guard = step("q", toxicity=score, deny_words=["bomb"], threshold=0.5)
    assert guard.do({"q": "love"}) == {"q": "love"}
    with pytest.raises(ValueError, match=r"toxicity score 0\.900 >= 0\.5"):
        guard.do({"q": "hate"})
    with pytest.raises(ValueError, match="deny_words"):
        guard.do({"q": "bomb"})
    assert asked == ["love", "hate"]  # what a rule refuses costs no model
    assert rules("x", toxicity=lambda text: 0.5) == ["toxicity"]
    assert rules("x", toxicity=lambda text: {"label": "non-toxic", "score": 0.7}) == []
    assert rules("x", toxicity=lambda text: float("nan")) == ["toxicity"]


def test_nothing_passes_unscored_or_unseen() -> None:
    def broken(text: str) -> float:
        raise OSError("the model's server is away")

    with pytest.raises(ml.errors.StoreUnavailableError, match="server is away"):
        step("q", toxicity=broken).do({"q": "hi"})
    with pytest.raises(ml.errors.InvalidArgumentError, match="nothing to check at 'question'"):
        step(max_length=3).do({"prompt": "hi"})


def test_chat_messages_and_roles() -> None:
    body = {
        "messages": [
            {"role": "system", "content": "never say bomb"},
            {"role": "user", "content": [{"type": "text", "text": "what is a bomb?"}]},
        ]
    }
    both = step("messages", deny_words=["bomb"], action="tag").do(body)["guardrail"]
    assert len(both["violations"]) == 2
    guard = step("messages", deny_words=["bomb"], action="tag", roles="user")
    assert guard.do(body)["guardrail"] == {
        "allowed": False,
        "violations": [{"field": "messages", "rule": "deny_words", "what": "bomb"}],
    }
    with pytest.raises(ValueError, match="bomb"):
        step("choices.*.message", deny_words=["bomb"]).do(
            {"choices": [{"message": {"content": "a"}}, {"message": {"content": "Bomb"}}]}
        )


def test_replies_stand_where_answers_do() -> None:
    guard = step("answer.text", deny_words=["secret"], action="reply", reply="no", report_path="")
    body = {"answer": {"text": "the secret", "model": "m"}}
    assert guard.do(body) == {"answer": {"text": "no", "model": "m"}}
    assert body["answer"]["text"] == "the secret"
    assert guard.do({"answer": {"text": "fine"}}) == {"answer": {"text": "fine"}}
    other = step("q", max_length=1, action="reply", reply_path="answer").do({"q": "long"})
    assert other["answer"] == "I cannot help with that."
    assert other["guardrail"]["allowed"] is False
    assert step("", max_length=1, action="reply", reply="no").do("long") == "no"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"max_length": 5, "action": "hide"},
        {"deny_patterns": ["("]},
        {"pii": ["emial"]},
        {"toxicity": "no.such:thing"},
        {"toxicity": 7},
    ],
)
def test_policies_that_cannot_be_used(wrong: dict[str, Any]) -> None:
    with pytest.raises(ml.errors.InvalidArgumentError):
        step(**wrong)


def test_a_scorer_by_name() -> None:
    assert rules("x", toxicity="builtins:len", threshold=1) == ["toxicity"]


def test_long_texts_take_no_long_time() -> None:
    guard = step(deny_words=["bomb", "a" * 100], pii="all", max_length=10)
    start = time.process_time()
    assert guard.violations("a " * 200_000 + "1 " * 100_000)
    assert time.process_time() - start < 60  # a pattern that tries all ways would take hours


@pytest.mark.slow
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
    guard = step("q", model_name=str(tmp_path))
    with pytest.raises(ValueError, match=r"toxicity score 0\.953 >= 0\.5"):
        guard.do({"q": "you good " * 2000})
    assert step("q", model_name=str(tmp_path), threshold=0.96).do({"q": "you"}) == {"q": "you"}


def test_only_a_policy_with_a_model_runs_in_a_thread() -> None:
    assert module().Guardrail(toxicity=lambda text: 0.1).blocking
    assert not module().Guardrail(max_length=5).blocking
