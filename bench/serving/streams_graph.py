"""The graph of the stream benchmark and of the chaos test: three functions, joined by queues.

STREAMS_URL names the server, STREAMS_NAME makes the names of the streams, STREAMS_SHARDS their
number of shards.
"""

from __future__ import annotations

import os
from typing import Any

from mlrun_like.serving import Graph, flow

URL = os.environ.get("STREAMS_URL", "memory:/")
NAME = os.environ.get("STREAMS_NAME", "bench")
SHARDS = int(os.environ.get("STREAMS_SHARDS", "1"))


def clean(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "amount": abs(event["amount"])}


def enrich(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "country": "nl" if event["user"] % 2 else "de", "level": event["user"] % 5}


def score(event: dict[str, Any]) -> dict[str, Any]:
    return {"n": event["n"], "user": event["user"], "score": event["amount"] * (event["level"] + 1)}


def queue(name: str) -> dict[str, Any]:
    return {"path": f"{URL}/{NAME}-{name}", "shards": SHARDS}


def make() -> Graph:
    """Events enter at the queue `in`; scores leave at the stream `out`."""
    graph = flow()
    graph.to(">>", "in", **queue("in"))
    graph.add_step(clean, after="in", function="cleaner")
    graph.add_step(">>", "cleaned", after="clean", **queue("cleaned"))
    graph.add_step(enrich, after="cleaned", function="enricher")
    graph.add_step(">>", "enriched", after="enrich", **queue("enriched"))
    graph.add_step(score, after="enriched", function="scorer")
    graph.add_step(">>", "out", after="score", full_event=True, **queue("out"))
    return graph


GROUPS = {
    "in": "cleaner-consumer-group",
    "cleaned": "enricher-consumer-group",
    "enriched": "scorer-consumer-group",
}
