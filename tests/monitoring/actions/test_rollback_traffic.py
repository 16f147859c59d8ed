"""The action that rolls back, over a real gateway: the release before answers again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.functions.creators import new_function
from mlrun_like.monitoring.actions.execute import execute
from mlrun_like.monitoring.actions.lineage import list_actions
from tests.gateway.gateways import gateway_at, get

ROLLBACK = {"kind": "rollback", "function": "answer", "cooldown": "1s"}


def deploy(answer: int) -> None:
    function: Any = new_function("answer", project="shop", kind="nuclio")
    body = f"def handler(context, event):\n    return {answer}\n"
    function.with_code(body=body).deploy()


def activation(number: int) -> dict[str, Any]:
    return {"id": str(number), "project": "shop", "name": "worse", "time": 1000.0}


@pytest.mark.slow
def test_traffic_goes_back_once(tmp_path: Path) -> None:
    with gateway_at(tmp_path / "gateway") as url:
        deploy(1)
        told = execute(ROLLBACK, activation(1))
        assert told["state"] == "failed" and "the traffic stays" in told["reason"], told
        deploy(2)
        assert get(url, "/shop/answer/")[1] == b"2"
        told = execute({**ROLLBACK, "name": "back"}, activation(2))
        assert told["state"] == "completed", told
        assert [row["version"] for row in told["links"]["traffic"]] == [1]
        assert told["links"]["function"] == "shop/answer"
        assert {get(url, "/shop/answer/")[1] for _ in range(5)} == {b"1"}
        # asked again for the same incident, nothing moves
        deploy(3)
        assert execute({**ROLLBACK, "name": "back"}, activation(2)) == told
        assert get(url, "/shop/answer/")[1] == b"3"
        assert [row["state"] for row in list_actions("shop", activation="2")] == ["completed"]
    told = execute({**ROLLBACK, "name": "gone"}, activation(3))
    assert told["state"] == "failed" and "neither" in told["reason"], told
