"""What Nuclio's Python wrapper does with a project folder, over pipes instead of sockets.

Follows pkg/processor/runtime/python/py/_nuclio_wrapper.py and wrapper_common.py of Nuclio: the
handler is found by `module.sub:function`, `init_context` in the module where the handler is
defined, events are made and answers encoded by nuclio_sdk. One line of JSON is one message.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import os
import re
import sys
import traceback
from typing import Any

import nuclio_sdk
import nuclio_sdk.json_encoder
import nuclio_sdk.logger

_HANDLER = re.compile(r"^([\w|-]+(\.[\w|-]+)*):(\w+)$")


class Worker:
    """One worker of one function."""

    def __init__(self, folder: str, handler: str, trigger: str, decoded: bool) -> None:
        self.encoder = nuclio_sdk.json_encoder.Encoder()
        kinds = nuclio_sdk.event.EventDeserializerKinds
        self.kind = kinds.msgpack if decoded else kinds.msgpack_raw
        self.decoded = decoded
        sys.path.insert(0, folder)
        match = _HANDLER.match(handler)
        if match is None:
            raise ValueError(f"Malformed handler - {handler!r}")
        module = __import__(match[1])
        for sub in match[1].split(".")[1:]:
            module = getattr(module, sub)
        self.handler = getattr(module, match[3])
        self.acknowledged: list[Any] = []
        platform = nuclio_sdk.Platform("local", on_control_callback=self.acknowledge)
        logger = nuclio_sdk.Logger(50)
        trigger_info = nuclio_sdk.TriggerInfo(trigger, f"default-{trigger}")
        self.context = nuclio_sdk.Context(logger, platform, "0", trigger_info)

    async def acknowledge(self, message: Any) -> None:
        """Take what the handler acknowledges."""
        self.acknowledged.append(message)

    async def start(self) -> None:
        """Call init_context."""
        module = sys.modules[self.handler.__module__]
        found = getattr(module, "init_context", None)
        if found is not None:
            value = found(self.context)
            if inspect.iscoroutinefunction(found):
                await value

    async def answer(self, message: Any) -> Any:
        """Answer an event, or a batch of them."""
        if message == "drain" or message == "termination":
            value = self.context.platform._on_signal(message)
            if inspect.iscoroutine(value):
                await value
            await asyncio.sleep(0)
            return self.acknowledged
        event = nuclio_sdk.Event.deserialize(self._received(message), kind=self.kind)
        try:
            found = self.handler(self.context, event)
            if inspect.iscoroutine(found):
                found = await found
            make = nuclio_sdk.Response.from_entrypoint_output
            if isinstance(found, list):
                answers = [make(self.encoder.encode, item) for item in found]
                return json.loads(self.encoder.encode(answers))
            return json.loads(self.encoder.encode(make(self.encoder.encode, found)))
        except BaseException as exc:  # noqa: BLE001  as the wrapper
            text = f'Exception caught in handler - "{exc}": {traceback.format_exc()}'
            return {
                "body": text, "body_encoding": "text", "content_type": "text/plain",
                "headers": {}, "status_code": 500,
            }  # fmt: skip

    def _received(self, message: Any) -> Any:
        if isinstance(message, list):
            return [self._received(item) for item in message]
        message = {**message, "body": base64.b64decode(message["body"])}
        return message if self.decoded else _raw(message)


def _raw(value: Any) -> Any:
    """All texts as bytes, as msgpack gives them when it is told not to decode."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict):
        return {_raw(key): _raw(item) for key, item in value.items()}
    return value


async def main() -> None:
    """Serve the folder, handler, trigger and decoding that the arguments name."""
    folder, handler, trigger, decoded = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what handlers print is no answer
    try:
        worker = Worker(folder, handler, trigger, decoded == "decoded")
        await worker.start()
    except BaseException:  # noqa: BLE001  told to the test
        print(json.dumps({"failed": traceback.format_exc()}), file=answers, flush=True)
        return
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(await worker.answer(json.loads(line))), file=answers, flush=True)
        await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(main())
