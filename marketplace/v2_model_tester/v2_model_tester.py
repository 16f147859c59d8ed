"""Rows of a table go to a model server one by one; what it answers is compared with the labels."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import mlrun_like as ml
from mlrun_like.drawing.charts import lines
from mlrun_like.drawing.page import page, section, table, tiles
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, TooLargeError
from mlrun_like.serving.web.outgoing import HttpClient

__all__ = ["ModelTestError", "model_server_tester"]

_SHOWN = 20
_MOST = 16 << 20  # bytes of an answer


class ModelTestError(MLRunLikeError, ValueError):
    """The server failed, or its answers are not those of the table."""

    code = "model_test"


def model_server_tester(  # noqa: PLR0913 - seven are MLRun's
    context: ml.MLClientCtx,
    table: ml.DataItem,
    addr: str,
    label_column: str = "label",
    model: str = "",
    match_err: bool = False,
    rows: int = 20,
    tolerance: float = 0.0,
    timeout: float = 60.0,
    random_state: int | None = None,
    protocol: str = "auto",
) -> None:
    """Test a model server of the V2 protocol (`inputs`), or of the older V1 (`instances`).

    Args:
        context: The run's.
        table: A table with features and labels.
        addr: The server's URL.
        label_column: The column of what should be answered; empty: nothing is compared.
        model: The model's name; empty: the server has one only.
        match_err: Whether the run fails if an answer is not its row's label.
        rows: How many rows, drawn at random; 0: all.
        tolerance: How far a number may be from its label and still match.
        timeout: Seconds that one answer may take.
        random_state: Seed of the drawing.
        protocol: v2, v1, or auto: the one in which the first row is answered.

    Raises:
        InvalidArgumentError: if the table has no rows or no such column, or a protocol is unknown.
        ModelTestError: if a request failed, or with `match_err` an answer did not match; the
            results are logged before.
    """
    if protocol not in ("auto", *_PROTOCOLS):
        raise InvalidArgumentError(
            f"protocol {protocol!r:.40} is unknown", fix=f"auto, {', '.join(_PROTOCOLS)}"
        )
    frame = table.as_df()
    if label_column and label_column not in frame.columns:
        raise InvalidArgumentError(
            f"the table has no column {label_column!r}",
            fix=f"label_column=one of {', '.join(map(str, frame.columns))}"[:500],
        )
    if rows and rows < len(frame):
        frame = frame.sample(rows, random_state=random_state)
    if not len(frame):
        raise InvalidArgumentError("the table has no rows, so there is nothing to test")
    labels = frame.pop(label_column).tolist() if label_column else None
    made: list[dict[str, Any]] = []
    with closing(HttpClient(timeout, most=_MOST)) as client:
        plain = _plain(frame)
        spoken = _PROTOCOLS.get(protocol) or _spoken(client, addr, model, plain[0])
        url = spoken.url(addr, model)
        context.logger.info(f"testing with {len(frame)} rows against {url}")
        for place, row in enumerate(plain):
            start = time.perf_counter()
            answer, error = _asked(client, url, spoken, row)
            micros = int((time.perf_counter() - start) * 1e6)
            made.append({"latency": micros, "answer": answer, "error": error})
            if labels is not None:
                made[-1]["expected"] = labels[place]
                made[-1]["match"] = not error and _same(answer, labels[place], tolerance)
    _log(context, made, url, labels is not None)
    _judge(made, match_err and labels is not None, url)


class _Protocol(NamedTuple):
    """How a model server is asked."""

    method: str
    path: str
    rows: str
    answers: str

    def url(self, addr: str, model: str) -> str:
        """The model's address; without a name the server has one model only."""
        return addr.rstrip("/") + self.path.format(model) if model else addr


_PROTOCOLS = {
    "v2": _Protocol("POST", "/v2/models/{}/infer", "inputs", "outputs"),
    "v1": _Protocol("PUT", "/{}/predict", "instances", "predictions"),
}


def _spoken(client: HttpClient, addr: str, model: str, row: list[Any]) -> _Protocol:
    """The first protocol in which a row is answered; without an answer the newer one."""
    for one in _PROTOCOLS.values():
        if not _asked(client, one.url(addr, model), one, row)[1]:
            return one
    return _PROTOCOLS["v2"]


def _plain(frame: pd.DataFrame) -> list[list[Any]]:
    # JSON has neither NaN nor times
    texts = frame.to_json(orient="values", date_format="iso", double_precision=15)
    found: list[list[Any]] = json.loads(texts)
    return found


def _asked(client: HttpClient, url: str, spoken: _Protocol, row: list[Any]) -> tuple[Any, str]:
    """The first output, or why there is none."""
    headers = {"content-type": "application/json"}
    try:
        body = json.dumps({spoken.rows: [row]}).encode()
        reply = client.send(spoken.method, url, body, headers)
    except TimeoutError:
        return None, "no answer in time"
    except TooLargeError as exc:
        return None, exc.what
    except OSError as exc:
        return None, f"not reached: {exc}"
    text = reply.body.decode("utf-8", "replace")
    if not 200 <= reply.status < 300:
        return None, f"status {reply.status}: {text:.300}"
    try:
        found = json.loads(text)
        answer = found[spoken.answers][0] if isinstance(found, Mapping) else found[0]
    except (ValueError, LookupError, TypeError):
        return None, f"the answer has no {spoken.answers}: {text:.300}"
    while isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    return answer, ""


def _same(answer: Any, label: Any, tolerance: float) -> bool:
    numbers = (int, float, np.number)
    if isinstance(answer, numbers) and isinstance(label, numbers):
        return math.isclose(float(answer), float(label), rel_tol=0, abs_tol=tolerance)
    return bool(answer == label) or str(answer) == str(label)


def _log(context: ml.MLClientCtx, made: list[dict[str, Any]], url: str, labelled: bool) -> None:
    times = np.array([one["latency"] for one in made if not one["error"]])
    results: dict[str, Any] = {
        "total_tests": len(made),
        "errors": sum(bool(one["error"]) for one in made),
        "match": sum(bool(one.get("match")) for one in made),
    }
    if len(times):
        results |= {
            "avg_latency": int(times.mean()),
            "min_latency": int(times.min()),
            "max_latency": int(times.max()),
            "p50_latency": int(np.percentile(times, 50)),
            "p99_latency": int(np.percentile(times, 99)),
        }
    context.log_results(results)
    parts = [section("Results", tiles(list(results.items())))]
    if len(times):
        points = [(place + 1, micros) for place, micros in enumerate(times.tolist())]
        drawn = lines({"latency": points}, x_is_time=False, title="microseconds")
        parts.append(section("Latency of each test, microseconds", drawn))
    wrong = [one for one in made if one["error"] or (labelled and not one["match"])]
    if wrong:
        rows = [(str(one.get("expected", "")), str(one["answer"]), one["error"]) for one in wrong]
        cells = table(["expected", "answer", "error"], rows[:_SHOWN])
        parts.append(section(f"{len(wrong)} tests without the right answer", cells))
    context.log_artifact(
        "latency", body=str(page("Model test", *parts, subtitle=url)), format="html"
    )
    frame = pd.DataFrame(made)
    for name in {"answer", "expected"} & set(frame.columns):  # of one type, whatever was answered
        frame[name] = frame[name].map(lambda value: json.dumps(value, default=str))
    context.log_dataset("answers", df=frame, format="csv", index=False)
    told = {name: results[name] for name in ("total_tests", "errors", "match")}
    context.logger.info("tested", **told)


def _judge(made: list[dict[str, Any]], must_match: bool, url: str) -> None:
    failed = [one["error"] for one in made if one["error"]]
    if failed:
        said = "; ".join(f"{count} x {text}" for text, count in Counter(failed).most_common(3))
        raise ModelTestError(
            f"{len(failed)} of {len(made)} requests failed: {said}",
            where=url,
            fix="check the address, the model's name and the columns of the table",
        )
    match = sum(bool(one.get("match")) for one in made)
    if must_match and match != len(made):
        raise ModelTestError(f"{match} of {len(made)} answers are the label", where=url)
