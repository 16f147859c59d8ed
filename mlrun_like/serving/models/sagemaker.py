"""SageMaker's `/invocations`: JSON of the forms that its containers take, or CSV.

| body | from | answer |
|---|---|---|
| `{"instances": [...]}` | TensorFlow Serving, MLflow | `{"predictions": [...]}` |
| `{"dataframe_split": {"columns", "data"}}` | MLflow | `{"predictions": [...]}` |
| `{"dataframe_records": [{...}]}` | MLflow | `{"predictions": [...]}` |
| `[[...], ...]` | scikit-learn | `[...]` |
| `{"inputs": [...]}` | this package | the V2 answer |
| `text/csv`, no header | XGBoost, scikit-learn | one line per row |
| `application/jsonlines` | batch transform: one row per line | one line per row |

The header `Accept` (`text/csv`, `application/json`, `application/jsonlines`) chooses the form of
the answer. In JSON lines, `{"features": [...]}` and `{"inputs": ...}` stand for their value.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import decode, decode_request, encode
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models.dialects import Dialect

__all__ = ["SageMakerDialect"]

_FORM = "sagemaker_form"
_ONE_ROW = ("features", "inputs", "instance")
_LINES = ("application/jsonlines", "application/x-jsonlines", "application/x-ndjson")


class SageMakerDialect(Dialect):
    """Reads the forms above, and answers in the same one.

    >>> event = Event(content_type="text/csv")
    >>> SageMakerDialect().read(b"1,2.5\\n3,x\\n", event)["inputs"]
    [[1, 2.5], [3, 'x']]
    """

    reads_bytes: ClassVar[bool] = True
    tells_id: ClassVar[bool] = False

    def read(self, body: Any, event: Event) -> dict[str, Any]:
        """The request in one of the forms.

        Raises:
            InvalidArgumentError: if the body has none of them.
        """
        if event.method == "GET":
            return {}
        if isinstance(body, (bytes, str)):
            kind = _kind(event.content_type)
            if kind == "text/csv":
                return {"inputs": _rows(body), _FORM: "csv"}
            if kind in _LINES:
                return {"inputs": _json_rows(body), _FORM: "lines"}
            body = decode_request(body, event.content_type)
        if isinstance(body, list):
            return {"inputs": body, _FORM: "list"}
        if not isinstance(body, dict):
            raise _unknown(f"a {type(body).__name__}")
        if "inputs" in body:
            return {**body, _FORM: ""}
        rest = {key: body[key] for key in ("id", "parameters") if key in body}
        return {**rest, "inputs": _inputs(body), _FORM: "predictions"}

    def write(self, answer: dict[str, Any], request: Mapping[str, Any], event: Event) -> Any:
        """The answer in the form of the request, or in the one that `Accept` names."""
        outputs = answer.get("outputs")
        form = request.get(_FORM, "")
        accept = _kind(event.headers.get("accept", ""))
        if accept == "text/csv" or (form == "csv" and accept != "application/json"):
            return Response(_csv(outputs), content_type="text/csv; charset=utf-8")
        if accept in _LINES or (form == "lines" and accept != "application/json"):
            rows = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            text = "".join(encode(row).decode() + "\n" for row in rows)
            return Response(text, content_type="application/jsonlines")
        if form == "list":
            return outputs
        return answer if form == "" else {"predictions": outputs}


def _inputs(body: Mapping[str, Any]) -> Any:
    if "instances" in body:
        return body["instances"]
    if "dataframe_records" in body:
        return body["dataframe_records"]
    split = body.get("dataframe_split")
    if not isinstance(split, dict) or not isinstance(split.get("data"), list):
        raise _unknown(f"a mapping with {sorted(map(str, body))!r:.100}")
    names = split.get("columns")
    if not names:
        return split["data"]
    if not isinstance(names, list) or not all(
        isinstance(row, list) and len(row) == len(names) for row in split["data"]
    ):
        raise _unknown("a dataframe_split whose rows differ from its columns")
    return [dict(zip(map(str, names), row, strict=True)) for row in split["data"]]


def _kind(header: str) -> str:
    return header.partition(",")[0].partition(";")[0].strip().lower()


def _rows(body: bytes | str) -> list[list[Any]]:
    try:
        text = body if isinstance(body, str) else body.decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as exc:
        raise InvalidArgumentError(
            f"the body is not CSV in UTF-8: {exc!s:.100}", fix="one row per line, no header"
        ) from exc
    return [[_cell(cell) for cell in row] for row in rows]


def _json_rows(body: bytes | str) -> list[Any]:
    if isinstance(body, str):
        body = body.encode()  # text has more ends of lines than JSON
    rows = []
    for number, line in enumerate(body.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = decode(line)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(
                f"line {number}: {exc.what}", fix="send one JSON value per line, in UTF-8"
            ) from exc
        if isinstance(row, dict) and len(row) == 1 and (only := next(iter(row))) in _ONE_ROW:
            row = row[only]
        rows.append(row)
    return rows


def _cell(cell: str) -> Any:
    """A number where the text is one, None where it is empty."""
    text = cell.strip()
    if not text:
        return None
    for number in (int, float):
        try:
            return number(text) if "_" not in text else cell
        except ValueError:
            continue
    return cell


def _csv(outputs: Any) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    rows = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    for row in rows:
        cells = list(row.values()) if isinstance(row, Mapping) else row
        plain = cells if isinstance(cells, (list, tuple)) else [cells]
        writer.writerow(
            [encode(cell).decode() if isinstance(cell, (list, dict)) else cell for cell in plain]
        )
    return lines.getvalue()


def _unknown(what: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the body is {what}",
        fix='send {"instances": [...]}, {"inputs": [...]}, a list of rows, or text/csv',
    )
