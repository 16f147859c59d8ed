"""Asks an endpoint a few questions and fails the run if an answer is not as it should be."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

import pandas as pd
import yaml

import mlrun_like as ml
from mlrun_like.drawing.page import badge, page, section, table, tiles
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, TooLargeError, nearest
from mlrun_like.serving.paths import get_path
from mlrun_like.serving.web.outgoing import HttpClient

__all__ = ["SmokeTestError", "smoke_test"]

_REQUEST = ("name", "path", "method", "body", "headers")
_KEYS = (*_REQUEST, *("status", "max_latency", "expect", "contains", "schema", "tolerance"))
_TYPES: dict[str, tuple[type, ...]] = {
    **{"object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,)},
    **{"integer": (int,), "number": (int, float), "null": (type(None),)},
}
_AGAIN = (429, 502, 503, 504)  # the server says: later
_SHOWN = 300


class SmokeTestError(MLRunLikeError, ValueError):
    """An endpoint does not answer as it should."""

    code = "smoke_test"


def smoke_test(  # noqa: PLR0913 - parameters of a run stand side by side
    context: ml.MLClientCtx,
    endpoint: str,
    cases: Sequence[Mapping[str, Any]] | ml.DataItem | None = None,
    max_latency: float = 0.0,
    timeout: float = 30.0,
    retries: int = 2,
    backoff: float = 0.5,
    wait_ready: float = 0.0,
    headers: Mapping[str, str] | None = None,
    token_secret: str = "",
    verify: bool = True,
    max_bytes: int = 16 << 20,
) -> None:
    """Check that an endpoint answers as it should.

    Each case is a mapping with: `path`, `method` (POST with a body, else GET), `body`, `headers`,
    and what the answer should be: `status` (200, or a list), `max_latency` in seconds, `expect`
    (the answer, or parts of it by dotted path: `{"outputs.0": 1}`), `tolerance` of numbers,
    `contains` (a text), `schema` (JSON schema: type, required, properties, items, enum, minimum,
    maximum, minItems, maxItems, minLength, maxLength).

    Args:
        context: The run's.
        endpoint: The URL.
        cases: A list of cases, or a JSON or YAML file of them; None: one GET of the URL.
        max_latency: Seconds that an answer may take, where a case says nothing; 0: any.
        timeout: Seconds after which an answer is given up.
        retries: How often a request is sent again that got no answer, or 429, 502, 503, 504.
        backoff: Seconds before the first retry; doubled each time.
        wait_ready: Seconds to wait until the endpoint takes connections at all.
        headers: Of every request.
        token_secret: The name of a secret that is sent as bearer token.
        verify: Whether certificates are checked.
        max_bytes: The most bytes that an answer may have; more is a failed case.

    Raises:
        InvalidArgumentError: if a case cannot be understood.
        SmokeTestError: if a case failed; report and results are logged before.
    """
    checked = _read_cases(cases)
    sent = dict(headers or {})
    if token_secret:
        if not (token := context.get_secret(token_secret)):
            raise InvalidArgumentError(f"there is no secret {token_secret!r}")
        sent["authorization"] = f"Bearer {token}"
    with closing(HttpClient(timeout, verify=verify, most=max_bytes)) as client:
        _await_ready(client, endpoint, wait_ready)
        rows = []
        for number, case in enumerate(checked):
            case = {"max_latency": max_latency, **case, "headers": sent | case.get("headers", {})}
            row = _ask(client, endpoint, case, retries, backoff)
            rows.append({"case": str(case.get("name") or f"case {number + 1}"), **row})
            context.logger.info(f"{rows[-1]['case']}: {row['problems'] or 'ok'}")
    _log(context, rows, endpoint)
    failed = [row for row in rows if row["problems"]]
    if failed:
        said = "\n".join(f"  {row['case']}: {row['problems']}" for row in failed[:20])
        raise SmokeTestError(f"{len(failed)} of {len(rows)} cases failed\n{said}", where=endpoint)


def _read_cases(cases: Any) -> list[dict[str, Any]]:
    if hasattr(cases, "as_df"):
        text = cases.get(encoding="utf-8")
        cases = _parsed(text, str(cases.url))
    if isinstance(cases, Mapping):
        cases = cases.get("cases", [cases])
    cases = [{}] if cases is None else cases
    if not isinstance(cases, (list, tuple)) or not cases:
        raise InvalidArgumentError(
            f"cases={cases!r:.100} is no list of cases",
            fix='cases=[{"path": "/", "body": {"x": 1}, "expect": {"y": 2}}]',
        )
    for number, case in enumerate(cases):
        where = f"case {number + 1}"
        if not isinstance(case, Mapping):
            raise InvalidArgumentError(f"{case!r:.100} is no mapping", where=where)
        for key in case:
            if key not in _KEYS:
                raise InvalidArgumentError(
                    f"a case has no {key!r}.{nearest(str(key), _KEYS)}", where=where
                )
        if not isinstance(case.get("schema", {}), Mapping):
            raise InvalidArgumentError(f"schema {case['schema']!r:.80} is no mapping", where=where)
    return [dict(case) for case in cases]


def _parsed(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)  # JSON is YAML
    except (yaml.YAMLError, RecursionError) as exc:
        raise InvalidArgumentError(f"neither JSON nor YAML: {exc}"[:300], where=where) from exc


def _await_ready(client: HttpClient, endpoint: str, seconds: float) -> None:
    end, pause = time.monotonic() + seconds, 0.05
    while seconds:
        try:
            with suppress(TooLargeError):  # that is an answer, too
                client.send("GET", endpoint, timeout=max(0.1, min(5.0, end - time.monotonic())))
            return
        except OSError as exc:
            if time.monotonic() + pause > end:
                raise SmokeTestError(
                    f"not ready after {seconds:g} s: {exc or type(exc).__name__}", where=endpoint
                ) from exc
        time.sleep(pause)
        pause = min(1.0, pause * 2)


def _ask(
    client: HttpClient, endpoint: str, case: Mapping[str, Any], retries: int, backoff: float
) -> dict[str, Any]:
    """One case: status, latency in milliseconds, tries, problems and the answer's beginning."""
    body = case.get("body")
    sent = body if isinstance(body, str) else json.dumps(body, default=str)
    content = b"" if body is None else sent.encode()
    method = str(case.get("method") or ("GET" if body is None else "POST")).upper()
    headers = {"content-type": "application/json", **case["headers"]}
    url = endpoint.rstrip("/") + "/" + str(case["path"]).lstrip("/") if "path" in case else endpoint
    allowed = case.get("status", 200)
    allowed = allowed if isinstance(allowed, (list, tuple)) else [allowed]
    row: dict[str, Any] = {"status": 0, "latency_ms": None, "problems": "", "answer": ""}
    for attempt in range(retries + 1):
        row["tries"] = attempt + 1
        if attempt:
            time.sleep(backoff * 2 ** (attempt - 1))
        start = time.perf_counter()
        try:
            reply = client.send(method, url, content, headers)
        except TooLargeError as exc:
            return row | {"problems": exc.what}
        except OSError as exc:
            late = f"no answer in {client.timeout:g} s"
            row["problems"] = late if isinstance(exc, TimeoutError) else f"not reached: {exc}"
            continue
        seconds = time.perf_counter() - start
        text = reply.body.decode("utf-8", "replace")
        problems = _problems(case, allowed, reply.status, seconds, text)
        row |= {"status": reply.status, "latency_ms": round(seconds * 1000, 3)}
        row |= {"answer": text[:_SHOWN], "problems": "; ".join(problems)}
        if reply.status in allowed or reply.status not in _AGAIN:
            break
    return row


def _problems(
    case: Mapping[str, Any], allowed: Sequence[int], status: int, seconds: float, text: str
) -> list[str]:
    if status not in allowed:
        return [f"status {status}, not {' or '.join(map(str, allowed))}: {text[:_SHOWN]}"]
    found = []
    limit = float(case.get("max_latency") or 0)
    if limit and seconds > limit:
        found.append(f"took {seconds:.3f} s, more than {limit:g}")
    if "contains" in case and str(case["contains"]) not in text:
        found.append(f"does not contain {case['contains']!r}")
    if "expect" not in case and "schema" not in case:
        return found
    try:
        answer = json.loads(text)
    except ValueError:
        if case.get("expect") == text:
            return found
        return [*found, f"is not JSON: {text[:100]!r}"]
    tolerance = float(case.get("tolerance", 0))
    if "expect" in case:
        found += _unexpected(answer, case["expect"], tolerance)
    return found + (_against(answer, case["schema"], "answer") if "schema" in case else [])


def _unexpected(answer: Any, expect: Any, tolerance: float) -> list[str]:
    if _same(answer, expect, tolerance):
        return []
    if not isinstance(expect, Mapping):
        return [f"is {_short(answer)}, not {_short(expect)}"]
    found = []
    for path, wanted in expect.items():
        try:
            value = _at(answer, str(path))
        except (InvalidArgumentError, LookupError, ValueError):
            found.append(f"has nothing at {path!r}")
            continue
        if not _same(value, wanted, tolerance):
            found.append(f"has {_short(value)} at {path!r}, not {_short(wanted)}")
    return found


def _at(answer: Any, path: str) -> Any:
    if isinstance(answer, Mapping) and path in answer:
        return answer[path]
    for part in path.split("."):
        answer = answer[int(part)] if isinstance(answer, list) else get_path(answer, part)
    return answer


def _same(value: Any, wanted: Any, tolerance: float) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool):
        return value is wanted
    if isinstance(wanted, (int, float)) and isinstance(value, (int, float)):
        return math.isclose(value, wanted, rel_tol=0, abs_tol=tolerance)
    if isinstance(wanted, list) and isinstance(value, list):
        pairs = zip(value, wanted, strict=False)
        return len(value) == len(wanted) and all(_same(a, b, tolerance) for a, b in pairs)
    if isinstance(wanted, dict) and isinstance(value, dict):
        return value.keys() == wanted.keys() and all(
            _same(value[key], wanted[key], tolerance) for key in wanted
        )
    return bool(value == wanted)


def _against(value: Any, schema: Mapping[str, Any], place: str) -> list[str]:
    """What does not fit a JSON schema, of the words that `smoke_test` names."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if kinds and not any(_is(value, kind) for kind in kinds):
        return [f"{place} is {_short(value)}, no {' or '.join(kinds)}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place} is {_short(value)}, none of {_short(schema['enum'])}")
    size = len(value) if isinstance(value, (str, list)) else None
    number = None if isinstance(value, bool) or not isinstance(value, (int, float)) else value
    kind = "Length" if isinstance(value, str) else "Items"
    for measured, low, high in ((size, f"min{kind}", f"max{kind}"), (number, "minimum", "maximum")):
        least, most = schema.get(low, -math.inf), schema.get(high, math.inf)
        if measured is not None and not least <= measured <= most:
            found.append(f"{place} is {_short(value)}, outside {low} and {high}")
    if isinstance(value, dict):
        required = schema.get("required", [])
        found += [f"{place} has no {key!r}" for key in required if key not in value]
        for key, rule in schema.get("properties", {}).items():
            found += _against(value[key], rule, f"{place}.{key}") if key in value else []
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            found += _against(item, schema["items"], f"{place}.{i}")
    return found[:20]


def _is(value: Any, kind: str) -> bool:
    false_number = kind in ("integer", "number") and isinstance(value, bool)
    return not false_number and isinstance(value, _TYPES.get(kind, (object,)))


def _short(value: Any) -> str:
    return json.dumps(value, default=str)[:120]


def _log(context: ml.MLClientCtx, rows: list[dict[str, Any]], endpoint: str) -> None:
    frame = pd.DataFrame(rows)
    failed = int((frame["problems"] != "").sum())
    times = frame["latency_ms"].dropna()
    results: dict[str, Any] = {"total": len(rows), "passed": len(rows) - failed, "failed": failed}
    if len(times):
        results |= {"avg_latency_ms": float(times.mean()), "max_latency_ms": float(times.max())}
    context.log_results(results)
    context.log_dataset("cases", df=frame, format="csv", index=False)
    names = ["verdict", "case", "status", "latency_ms", "tries", "problems", "answer"]
    bad, good = badge("failed", "bad"), badge("ok", "ok")
    cells = [[bad if row["problems"] else good, *(row[one] for one in names[1:])] for row in rows]
    parts = section("Results", tiles(list(results.items()))), section("Cases", table(names, cells))
    shown = page("Smoke test", *parts, subtitle=endpoint)
    context.log_artifact("report", body=str(shown), format="html")
