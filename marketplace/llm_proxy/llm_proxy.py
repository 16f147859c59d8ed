"""A server whose model is elsewhere: behind any HTTP API that speaks OpenAI's chat completions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StepError, StepTimeoutError
from mlrun_like.serving import V2ModelServer

__all__ = ["LLMProxy"]

_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)
_CALLERS = (400, 404, 413, 422, 429)  # faults of who asks; all others are ours or the upstream's
_LONGEST, _LINE = 32 << 20, 1 << 20
_KEY = 8  # what is shorter in another header is no key, and stands in many texts
_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_OURS = ("model", "messages", "stream", "stream_options")


class LLMProxy(V2ModelServer):
    """Serves a language model that an OpenAI-compatible server has (vLLM, Ollama, a provider).

    `inputs` holds prompts, lists of messages, or mappings with `messages`; `parameters` in the
    request, such as `{"temperature": 0}`, are given to the model. Each answer is `{"text",
    "finish_reason", "usage"}`, and `tool_calls` if there are some. With `"stream": true` and one
    input the text comes in pieces. `GET .../metrics` has the tokens, requests and retries so far.

    Class arguments: `base_url` (such as `http://127.0.0.1:8000/v1`), `upstream_model`,
    `api_key_secret` (the NAME of the secret with the key), `timeout` (seconds for an answer with
    all its tries; of a stream between two pieces), `retries`, `concurrency` (inputs of a request
    asked at a time), `system` (a first message), `defaults` (parameters), `headers`.
    """

    def load(self) -> None:
        """Check the arguments; the upstream is asked with the first request."""
        where = f"model {self.name!r}"
        self._base = str(self.get_param("base_url", "")).rstrip("/")
        if not self._base.startswith(("http://", "https://")):
            raise InvalidArgumentError(
                f"base_url {self._base!r:.100} is no URL",
                where=where,
                fix='base_url="http://127.0.0.1:8000/v1"',
            )
        self._timeout = _number("timeout", self.get_param("timeout", 60.0), 0.001, where)
        self._retries = int(_number("retries", self.get_param("retries", 3), 0, where))
        self._at_once = int(_number("concurrency", self.get_param("concurrency", 8), 1, where))
        self._headers = _headers(self.get_param("headers", None) or {}, where)
        secret = self.get_param("api_key_secret", "")
        keys = set()
        if secret:
            key = self.context.get_secret(str(secret)) or ""
            if not key:
                raise InvalidArgumentError(
                    f"there is no secret {secret!r:.80}",
                    where=where,
                    fix="set it for the project, or as a variable of the environment",
                )
            self._headers |= _headers({"authorization": f"Bearer {key}"}, where)
            keys = {key, key.strip()}
        # whatever an upstream repeats of them: any header may hold a key
        parts = {part for value in self._headers.values() for part in (value, *value.split())}
        keys |= {part for part in parts if len(part) >= _KEY}
        self._hidden = sorted(keys - {""}, key=len, reverse=True)
        self._tls = ssl.create_default_context()
        self._lock = threading.Lock()
        for name in (*_COUNTS, "upstream_requests", "upstream_retries"):
            self.set_metric(name, 0)
        self.model = str(self.get_param("upstream_model", "") or self.name)

    async def predict(self, request: dict[str, Any]) -> Any:
        """An answer for each input, or the pieces of one."""
        given = request.get("parameters") or {}
        if not isinstance(given, dict):
            raise self._misfit(f"'parameters' is a {type(given).__name__}, not a mapping")
        bodies = [self._body(one, given) for one in request["inputs"]]
        if request.get("stream") or given.get("stream"):
            if len(bodies) != 1:
                raise self._misfit(f"only one input can stream, not {len(bodies)}")
            return self._pieces(bodies[0])
        gate = asyncio.Semaphore(self._at_once)
        async with self._client() as client:
            tasks = [asyncio.ensure_future(self._answer(client, gate, body)) for body in bodies]
            try:
                return list(await asyncio.gather(*tasks))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _body(self, given: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
        more = {}
        if isinstance(given, dict):
            more = {name: value for name, value in given.items() if name != "messages"}
            given = given.get("messages")
        messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
        whole = (
            given
            and isinstance(messages, list)
            and all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in messages)
        )
        if not whole:
            raise self._misfit("an input is a prompt or a list of messages with role and content")
        chosen = {**(self.get_param("defaults", None) or {}), **parameters, **more}
        refused = [name for name in chosen if name in _OURS and name != "stream"]
        if refused:
            raise self._misfit(f"{refused[0]!r} is not for callers to choose")
        chosen.pop("stream", None)
        first = self.get_param("system", "")
        if first and messages[0]["role"] not in ("system", "developer"):
            messages = [{"role": "system", "content": str(first)}, *messages]
        return {**chosen, "model": self.model, "messages": messages}

    def _misfit(self, what: str) -> InvalidArgumentError:
        fix = 'send {"inputs": ["a prompt"], "parameters": {"temperature": 0}}'
        return InvalidArgumentError(what, where=f"model {self.name!r}", fix=fix)

    def _client(self) -> httpx.AsyncClient:
        # of the call's own loop: the same server is called from several
        return httpx.AsyncClient(verify=self._tls, headers=self._headers, timeout=self._timeout)

    async def _answer(
        self, client: httpx.AsyncClient, gate: asyncio.Semaphore, body: dict[str, Any]
    ) -> dict[str, Any]:
        async with gate:
            deadline = time.monotonic() + self._timeout
            try:
                response = await asyncio.wait_for(
                    self._sent(client, body, deadline), self._timeout + 1
                )
                try:
                    found = await asyncio.wait_for(_read(response), deadline - time.monotonic())
                finally:
                    await response.aclose()
            except (asyncio.TimeoutError, httpx.TimeoutException) as exc:
                raise self._late() from exc
            except httpx.HTTPError as exc:
                raise self._failed(f"gave no answer: {type(exc).__name__}: {exc}") from exc
        try:
            told = json.loads(found)
            choice = told["choices"][0]
            said = choice["message"]
            answer = {
                "text": said.get("content") or "",
                "finish_reason": choice.get("finish_reason"),
                "usage": self._count(told.get("usage")),
            }
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
            raise self._failed(f"answered, but not with a completion: {_text(found)}") from exc
        if said.get("tool_calls"):
            answer["tool_calls"] = said["tool_calls"]
        return answer

    async def _pieces(self, body: dict[str, Any]) -> AsyncGenerator[str, None]:
        body = {**body, "stream": True, "stream_options": {"include_usage": True}}
        usage: Any = None
        try:
            async with self._client() as client:
                response = await self._sent(client, body, time.monotonic() + self._timeout)
                try:
                    async for line in _lines(response):
                        kind, _, data = line.partition(":")
                        if kind != "data" or not data.strip():
                            continue
                        if data.strip() == "[DONE]":
                            return
                        told = json.loads(data)
                        if told.get("error"):
                            raise self._failed(f"broke off: {told['error']!s:.8000}")
                        usage = told.get("usage") or usage
                        for choice in (told.get("choices") or ())[:1]:
                            if piece := (choice.get("delta") or {}).get("content"):
                                yield piece
                finally:
                    self._count(usage)
                    await response.aclose()
            raise self._failed("ended its stream without [DONE]")
        except httpx.TimeoutException as exc:
            raise self._late() from exc
        except httpx.HTTPError as exc:
            raise self._failed(f"broke off: {type(exc).__name__}: {exc}") from exc
        except (ValueError, TypeError, AttributeError, RecursionError) as exc:
            raise self._failed(f"streamed something else than completions: {exc}") from exc

    async def _sent(
        self, client: httpx.AsyncClient, body: dict[str, Any], deadline: float
    ) -> httpx.Response:
        """The beginning of a good answer; what passes is tried again, with growing pauses."""
        url = f"{self._base}/chat/completions"
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            self._add("upstream_requests" if not attempt else "upstream_retries", 1)
            wished = ""
            try:
                request = client.build_request("POST", url, json=body)
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError) as exc:
                failure = self._failed(f"cannot be reached: {type(exc).__name__}: {exc}")
            else:
                if response.status_code < 300:
                    return response
                try:
                    failure = self._refused(response.status_code, await _read(response))
                finally:
                    await response.aclose()
                wished = response.headers.get("retry-after", "")
                last = last or response.status_code not in _AGAIN
            pause = _PAUSE * 2**attempt * random.uniform(0.5, 1.0)
            pause = min(float(wished) if wished.isdecimal() else pause, _LONGEST_PAUSE)
            if last or time.monotonic() + pause >= deadline:
                raise failure
            await asyncio.sleep(pause)
        raise self._late()

    def _refused(self, status: int, data: bytes) -> StepError:
        shown = _text(data)
        with contextlib.suppress(ValueError, LookupError, TypeError, RecursionError):
            shown = str(json.loads(data)["error"]["message"])  # else: not OpenAI's form
        fix = "look at the secret that api_key_secret names" if status in (401, 403) else ""
        return self._failed(
            f"answered {status}: {shown}", status if status in _CALLERS else 502, fix
        )

    def _failed(self, what: str, status: int = 502, fix: str = "") -> StepError:
        for hidden in self._hidden:
            what = what.replace(hidden, "***")
        return StepError(f"{self._base} {what:.400}", step=self.name, status=status, fix=fix)

    def _late(self) -> MLRunLikeError:
        what = f"{self._base} gave no answer within {self._timeout:g} s"
        return StepTimeoutError(what, step=self.name, fix="a longer timeout=, or fewer tokens")

    def _count(self, usage: Any) -> dict[str, int]:
        told = usage if isinstance(usage, dict) else {}
        found = {name: told[name] for name in _COUNTS if type(told.get(name)) is int}
        if found:
            found.setdefault("total_tokens", sum(found.values()))
        for name, value in found.items():
            self._add(name, value)
        return found

    def _add(self, name: str, value: int) -> None:
        with self._lock:
            self.set_metric(name, self.metrics[name] + value)


def _number(name: str, value: Any, least: float, where: str) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = -1.0
    if not least <= found < 1e6:
        raise InvalidArgumentError(f"{name} {value!r:.40} is not {least:g} or more", where=where)
    return found


def _headers(given: Any, where: str) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise InvalidArgumentError("headers is no mapping", where=where, fix='{"x-key": "..."}')
    found = {str(name).lower(): str(value) for name, value in given.items()}
    for name, value in found.items():
        if not (value.isascii() and value.isprintable()):  # its value is not for a message
            raise InvalidArgumentError(f"the header {name!r:.60} cannot be sent", where=where)
    return found


async def _lines(response: httpx.Response) -> AsyncGenerator[str, None]:
    """The lines of a stream, none of them longer than an answer may sensibly be."""
    rest = b""
    async for part in response.aiter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        if max(map(len, (*whole, rest))) > _LINE:
            raise httpx.DecodingError(f"a line of the stream has more than {_LINE} bytes")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
    yield rest.decode("utf-8", "replace")


async def _read(response: httpx.Response) -> bytes:
    data = bytearray()
    async for part in response.aiter_bytes():
        data += part
        if len(data) > _LONGEST:
            raise httpx.DecodingError(f"the answer has more than {_LONGEST} bytes")
    return bytes(data)


def _text(data: bytes) -> str:
    return data[:8000].decode("utf-8", "replace").strip()  # cut only after keys are hidden
