"""Requests are refused when a classifier finds them toxic; a toy one stands for the model here."""

from __future__ import annotations

from typing import Any

import mlrun_like as ml


def classify(text: str) -> list[dict[str, Any]]:
    """Answers as a text classifier of transformers does."""
    if "idiot" in text:
        return [{"label": "toxic", "score": 0.97}]
    return [{"label": "non-toxic", "score": 0.99}]


if __name__ == "__main__":
    fn: Any = ml.new_function("polite", kind="serving")
    graph = fn.set_topology("flow", engine="async")
    # without classifier= "unitary/toxic-bert" is loaded: pip install "mlrun-like[huggingface]"
    graph.to("hub://toxicity_guardrail", threshold=0.5, classifier=classify).respond()
    server = fn.to_mock_server()

    for question in ("What is a tree?", "You idiot!"):
        try:
            print("passes:", server.test("/", body={"question": question}))
        except ml.errors.MLRunLikeError as exc:
            print("fails: ", str(exc).splitlines()[0])
