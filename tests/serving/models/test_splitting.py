"""TrafficSplit: shares, sticky keys, changes at run time."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import GraphError, InvalidArgumentError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.models.shares import Turns, chosen_for
from mlrun_like.serving.models.splitting import TrafficSplit
from mlrun_like.serving.server import GraphServer


class Fixed(V2ModelServer):
    def load(self) -> None:
        pass

    def predict(self, request: dict[str, Any]) -> Any:
        if request["inputs"] == ["fail"]:
            raise ValueError("no")
        return [self.name]


def served(**values: Any) -> GraphServer:
    graph = flow()
    step: Any = graph.add_step("*TrafficSplit", "split", **values)
    for name in ("old", "new"):
        step.add_route(name, class_name=Fixed)
    step.respond()
    return graph.to_mock_server()


def split_of(server: GraphServer) -> TrafficSplit:
    found = server.plan.nodes["split"].bound.made
    assert isinstance(found, TrafficSplit)
    return found


def ask(server: GraphServer, count: int, **values: Any) -> Counter[str]:
    values.setdefault("body", {"inputs": [1]})
    return Counter(server.test(**values)["outputs"][0] for _ in range(count))


def test_shares_are_exact_and_can_change() -> None:
    server = served(weights={"old": 95, "new": 5})
    assert ask(server, 200) == {"old": 190, "new": 10}
    split_of(server).set_weights({"old": 1, "new": 3})
    assert ask(server, 100) == {"old": 25, "new": 75}
    split_of(server).set_weights({"new": 1})
    assert ask(server, 10) == {"new": 10}
    split_of(server).set_weights(None)
    assert ask(server, 10) == {"old": 5, "new": 5}
    for weights in ({"x": 1}, {"old": -1}, {"old": 0}, {"old": "1"}):
        with pytest.raises(InvalidArgumentError):
            split_of(server).set_weights(weights)  # type: ignore[arg-type]
    assert ask(server, 10) == {"old": 5, "new": 5}, "nothing changed"


def test_addresses() -> None:
    server = served(weights={"old": 1})
    assert ask(server, 3, path="/v2/models/new/infer") == {"new": 3}
    assert ask(server, 3, path="/v2/models/split/infer") == {"old": 3}
    assert ask(server, 3, path="/v2/models/infer") == {"old": 3}
    assert ask(server, 1, body={"model": "new", "inputs": [1]}) == {"new": 1}
    assert server.test("/v2/models")["models"] == ["old", "new", "split"]
    assert server.test("/v2/models/split/ready", get_body=False).body == {"ready": True}
    with pytest.raises(Exception, match="no"):
        server.test(body={"inputs": ["fail"]})
    told = server.test("/v2/models/split/metrics")
    assert told["weights"] == {"old": 1.0, "new": 0.0}
    assert told["routes"]["old"]["requests"] == 7 and told["routes"]["old"]["failures"] == 1
    missing = server.test("/v2/models/x/infer", body={}, silent=True, get_body=False)
    assert missing.status_code == 404
    got = asyncio.run(server.run_async(Event({"inputs": [1]})))
    assert got.body["outputs"] == ["old"]


@pytest.mark.parametrize(
    ("sticky", "request_of"),
    [
        ("header:X-User", lambda n: {"headers": {"x-user": f"u{n}"}, "body": {"inputs": [1]}}),
        ("body:user.id", lambda n: {"body": {"inputs": [1], "user": {"id": n}}}),
    ],
)
def test_one_key_has_one_route(sticky: str, request_of: Any) -> None:
    server = served(sticky=sticky, weights={"old": 80, "new": 20})
    first = {n: server.test(**request_of(n))["outputs"][0] for n in range(400)}
    again = {n: server.test(**request_of(n))["outputs"][0] for n in range(400)}
    assert first == again
    assert 40 <= Counter(first.values())["new"] <= 120
    split_of(server).set_weights({"old": 50, "new": 50})
    later = {n: server.test(**request_of(n))["outputs"][0] for n in range(400)}
    assert all(later[n] == "new" for n in first if first[n] == "new"), "nobody goes back"
    assert 150 <= Counter(later.values())["new"] <= 250
    assert ask(server, 10) == {"old": 5, "new": 5}, "without a key they take turns"


def test_the_key_of_an_event() -> None:
    server = served(sticky="key")
    found = {server.run(Event({"inputs": [1]}, key="k")).body["outputs"][0] for _ in range(20)}
    assert len(found) == 1


def test_a_file_of_weights_is_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "weights.yaml"
    file.write_text("old: 1\n")
    server = served(weights_path=str(file))
    split = split_of(server)
    assert ask(server, 4) == {"old": 4}
    file.write_text(json.dumps({"new": 10}))
    split._look = 0.0
    assert ask(server, 4) == {"new": 4}
    for broken in ("[1, 2]", "new: -1 ", "{bad", "other: 1   "):
        file.write_text(broken)
        split._look = 0.0
        assert ask(server, 2) == {"new": 2}
    file.unlink()
    split._look = 0.0
    assert ask(server, 2) == {"new": 2}
    assert caplog.text.count("keeps its weights") == 5


def test_a_split_that_names_itself_by_default() -> None:
    assert served(weights_path="/no/such/file").test(body={"inputs": [1]})["outputs"] == ["old"]


@pytest.mark.parametrize(
    ("values", "match"),
    [({"sticky": "cookie:a"}, "sticky"), ({"sticky": "header:"}, "sticky"),
     ({"weights": {"x": 1}}, "no such route"), ({"weights": {"old": 0}}, "all weights are 0"),
     ({"weights": "old"}, "weights must be a mapping"), ({"weights": [1]}, "must be a mapping")],
)  # fmt: skip
def test_arguments_that_cannot_be_used(values: dict[str, Any], match: str) -> None:
    with pytest.raises(GraphError, match=match):
        served(**values)


def test_turns_are_exact_for_threads() -> None:
    turns = Turns({"a": 7, "b": 2, "c": 1})
    found: list[str] = []

    def take() -> None:
        for _ in range(250):
            found.append(turns.next())

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(found) == {"a": 700, "b": 200, "c": 100}


names = st.sampled_from(["a", "b", "c", "d"])
weights = st.dictionaries(names, st.floats(0.01, 100), min_size=1)


@settings(max_examples=200, deadline=None)
@given(weights, names, st.floats(0.01, 100), st.lists(st.text(max_size=5), max_size=20))
def test_a_change_moves_only_keys_that_must_move(
    before: dict[str, float], changed: str, weight: float, keys: list[str]
) -> None:
    after = {**before, changed: weight}
    grew = weight > before.get(changed, 0.0)
    for key in keys:
        old, new = chosen_for(key, before), chosen_for(key, after)
        if old != new:
            assert (new if grew else old) == changed
