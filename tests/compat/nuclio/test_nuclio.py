"""`nuclio` and `nuclio_sdk` as handlers, their tests and deploying code use them."""

from __future__ import annotations

import asyncio
import base64
import importlib
import io
import json
import logging
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mlrun_like.compat.adapted.nuclio import config, deploying, logs, sdk
from mlrun_like.compat.table import rows_of
from mlrun_like.configuration import exchange_environment
from mlrun_like.errors import InvalidArgumentError, MissingSymbolError


def init_context(context: Any) -> None:
    context.user_data.seen = 0


def handler(context: Any, event: Any) -> Any:
    context.user_data.seen += 1
    return context.Response(body=f"{event.body} {context.user_data.seen}", status_code=201)


def test_the_names(compat: ModuleType) -> None:
    nuclio = importlib.import_module("nuclio")
    assert nuclio.Context is sdk.Context and nuclio.ConfigSpec is config.ConfigSpec
    assert importlib.import_module("nuclio.request").Event is sdk.Event
    assert set(importlib.import_module("nuclio.magic").commands) >= {"env", "deploy", "show"}
    with pytest.raises(MissingSymbolError, match="dashboard"):
        importlib.import_module("nuclio.deploy").populate_parser  # noqa: B018
    # the real nuclio_sdk is used where it is installed
    rows = rows_of("nuclio_sdk") or {}
    assert rows["Event"].endswith("nuclio.sdk:Event")  # type: ignore[union-attr]


def test_handlers_in_tests() -> None:
    platform = sdk.TestPlatform()
    assert platform.call_handler(handler, sdk.Event(body="a")).body == "a 1"
    answer = platform.call_handler_with_context_mutation(
        handler, sdk.Event(body="b"), lambda context: context
    )
    assert (answer.body, answer.status_code) == ("b 2", 201)
    platform.call_function("other", sdk.Event(body="c"))
    assert platform.get_call_function_call_args(0)[0] == "other"


def test_events_travel() -> None:
    body = base64.b64encode(b'{"a": 1}').decode()
    text = json.dumps(
        {
            "body": body,
            "content_type": "application/json",
            "trigger": {"class": "sync", "kind": "http"},
            "headers": {"X-A": "1"},
            "id": "7",
        }
    )
    event = sdk.Event.from_json(text)
    assert (event.body, event.id, event.trigger.kind) == ({"a": 1}, "7", "http")
    assert event.get_header("x-a") == "1" and json.loads(repr(event))["id"] == "7"
    assert sdk.Event.decode_body("no base64 at all", "") == "no base64 at all"
    assert sdk.Event.decode_body({"a": 1}, None) == {"a": 1}
    assert sdk.Event(body=1, _id="9").id == "9"


def test_loggers() -> None:
    out = io.StringIO()
    logger = logs.Logger(logging.INFO, "a-test")
    logger.set_handler("h", out, logs.JSONFormatter())
    logger.bind(run=1)
    logger.info_with("text", value=object)
    logger.debug("hidden")
    found = json.loads(out.getvalue())
    assert found["message"] == "text" and found["with"]["run"] == 1
    logger.set_handler("h", out, logs.HumanReadableFormatter())
    logger.warn("again")
    assert "[warning] again: {'run': 1}" in out.getvalue()
    with pytest.raises(AttributeError):
        logger.shout("no")


def test_contexts_and_platforms(capsys: pytest.CaptureFixture[str]) -> None:
    context = sdk.Context()
    context.logger.info("hello")
    assert "hello" in capsys.readouterr().out
    context.set_logger_level(verbose=True)
    sent: list[Any] = []

    async def control(message: Any) -> None:
        sent.append(message)

    platform = sdk.Platform("local", on_control_callback=control)
    offset = sdk.QualifiedOffset.from_event(sdk.Event(path="/t", shard_id=1, offset=2))
    asyncio.run(platform.explicit_ack(offset))
    assert sent[0]["attributes"] == {"topic": "/t", "partition": 1, "offset": 2}
    asked: list[Any] = []

    def connect(host: str, timeout: Any) -> Any:
        answer = SimpleNamespace(
            status=200,
            read=lambda: b'{"ok": true}',
            getheaders=lambda: [("Content-Type", "application/json")],
        )
        return SimpleNamespace(
            request=lambda *a, **k: asked.append((host, timeout, a, k)),
            getresponse=lambda: answer,
            close=lambda: None,
        )

    platform = sdk.Platform("local", "ns", connection_provider=connect)
    found = platform.call_function("f", sdk.Event(body={"a": 1}, method="POST"), timeout=3)
    assert found.body == {"ok": True} and asked[0][0] == "nuclio-ns-f" and asked[0][1] == 3
    assert asked[0][3]["headers"]["X-Nuclio-Target"] == "f"


def test_building_a_file(tmp_path: Path) -> None:
    file = tmp_path / "answer.py"
    file.write_text("def handler(context, event):\n    return 'hi'\n")
    spec = config.ConfigSpec(env={"A": "1"}, config={"spec.maxReplicas": 2}, cmd=["pip install x"])
    spec.add_volume("/data", "claim", "pvc").with_http(workers=3, port=31000)
    name, found, code = deploying.build_file(str(file), handler="handler", spec=spec)
    assert name == "answer" and "return 'hi'" in code
    assert {"name": "A", "value": "1"} in found["spec"]["env"] and found["spec"]["maxReplicas"] == 2
    volume = found["spec"]["volumes"][0]
    assert volume["volume"]["persistentVolumeClaim"]["claimName"] == "claim"


def test_volumes_and_variables() -> None:
    before = exchange_environment({"V3IO_USERNAME": "ann", "V3IO_ACCESS_KEY": "k"})
    try:
        source = config.Volume("/x", "~/y").source()["flexVolume"]["options"]
        assert source == {"container": "users", "subPath": "/ann/y", "accessKey": "k"}
        assert config.ConfigSpec(v3io=True).env["V3IO_USERNAME"] == "ann"
    finally:
        exchange_environment(before)
    with pytest.raises(InvalidArgumentError):
        config.Volume("/x", "y", "tape").source()
