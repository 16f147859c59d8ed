"""Finds personal data in texts and tables, offline, and writes copies without it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import mlrun_like as ml
from mlrun_like.artifacts import DirArtifact
from mlrun_like.artifacts.chunked import record_batches
from mlrun_like.drawing.charts import bars
from mlrun_like.drawing.looks import SERIES
from mlrun_like.drawing.page import Html, badge, fold, joined, page, section, table, text, tiles
from mlrun_like.errors import InvalidArgumentError, MissingFileError, MLRunLikeError
from mlrun_like.monitoring.validation.personal_change import anonymiser, mask_entity, pieces_of
from mlrun_like.monitoring.validation.personal_columns import AnonymousColumns
from mlrun_like.monitoring.validation.personal_models import finder
from mlrun_like.monitoring.validation.personal_text import Span

__all__ = ["recognize_pii"]

_TEXTS = (
    ".txt",
    ".md",
    ".log",
    ".eml",
    ".html",
    ".xml",
    ".json",
    ".jsonl",
    ".yaml",
    ".yml",
    ".rst",
)
_TABLES = (".csv", ".tsv", ".parquet", ".pq")
_LARGEST = 50 << 20
_SHOWN, _LONG, _FILES = 190, 20_000, 100
_ROWS = 20_000
_SENTENCE = re.compile(r".+?(?:[.!?]+(?=\s)|\n|\Z)", re.S)


class _Found(NamedTuple):
    """What is in one file."""

    name: str
    counts: Counter[str]
    rows: list[dict[str, Any]]
    shown: Html


def recognize_pii(  # noqa: PLR0913 - MLRun's signature
    context: ml.MLClientCtx,
    input_path: ml.DataItem | str,
    html_key: str = "pii_report",
    score_threshold: float = 0.5,
    output_directory: str | None = None,
    entities: Sequence[str] | None = None,
    entity_operator_map: Mapping[str, Any] | None = None,
    model: str | None = None,
    generate_json: bool = True,
    generate_html: bool = True,
    is_full_text: bool = True,
    is_full_html: bool = True,
    is_full_report: bool = True,
) -> tuple[Any, ...]:
    """Look for personal data in a file or a folder, and write copies without it.

    Texts (.txt, .md, .log, .json, ...) are searched by form, check digits and the words before a
    find; columns of tables (.csv, .tsv, .parquet) by their values and names as well. Reports show
    values masked.

    Args:
        context: The run.
        input_path: The file or folder.
        html_key: Key of the page.
        score_threshold: What is less sure is passed over, 0 to 1.
        output_directory: Where the copies go; none: with the run's artifacts.
        entities: Only these, such as `["EMAIL", "PHONE"]`; none: all.
        entity_operator_map: What happens to each: `{"EMAIL": ["mask", {"masking_char": "#"}]}` with
            replace (`new_value`), redact, mask (`masking_char`, `chars_to_mask`, `from_end`), hash
            (`hash_type`) or keep; `DEFAULT` for all others. Without: `<EMAIL>`.
        model: "pattern"; "spacy" or "spacy:<model>" for names, places and organizations only, or
            "whole" for both; none: pattern.
        generate_json: Whether the places of all finds are logged as `<html_key>_json`, and given.
        generate_html: Whether the page is logged.
        is_full_text: Whether copies have all of a text, not only sentences with finds.
        is_full_html: Whether the page does.
        is_full_report: Whether the JSON says why.

    Returns:
        The folder of the copies, a table of files and their copies, errors by file, and the JSON.

    Raises:
        InvalidArgumentError: for an unknown entity, operator or model.
        MissingFileError: if there is nothing to read.
    """
    if not 0 <= score_threshold <= 1:
        raise InvalidArgumentError(f"score_threshold is {score_threshold!r}, not from 0 to 1")
    find = finder(model or "pattern", list(entities or ()), score_threshold)
    change = anonymiser(entity_operator_map or {})
    item = ml.get_dataitem(input_path) if isinstance(input_path, str) else input_path
    out = Path(output_directory or context.artifact_subpath("anonymized"))
    if "://" in str(out):
        raise InvalidArgumentError("copies go to a folder here", fix="output_directory='out'")
    out.mkdir(parents=True, exist_ok=True)
    done, errors, found = [], {}, []
    files = list(_files(item))
    for number, (name, each) in enumerate(files, 1):
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if name.lower().endswith(_TABLES):
                wanted = (list(entities or ()), score_threshold)
                one = _table(name, each, target, find, change, wanted)
            else:
                one = _text(name, each, target, find, change, (is_full_text, is_full_html))
        except (MLRunLikeError, OSError, ValueError) as exc:
            errors[name] = " ".join(str(exc).split())[:300]
            context.logger.error(f"{name} is left out: {errors[name]}")
            continue
        found.append(one)
        done.append([name, str(target.relative_to(out))])
        context.logger.info(f"{number} of {len(files)}: {name}", found=sum(one.counts.values()))
    counts = sum((one.counts for one in found), Counter[str]())
    context.log_results(
        {"files": len(done), "errors": len(errors), "found": sum(counts.values()),
         "entities": dict(counts.most_common())}
    )  # fmt: skip
    context.log_artifact(DirArtifact(key="anonymized", target_path=str(out.absolute())))
    if generate_html:
        context.log_artifact(html_key, body=_page(found, errors, counts), format="html")
    successes = pd.DataFrame(done, columns=["original_file", "anonymized_file"])
    if not generate_json:
        return str(out), successes, errors
    left_out = () if is_full_report else ("analysis_explanation", "recognition_metadata")
    report = {
        one.name: [{k: v for k, v in row.items() if k not in left_out} for row in one.rows]
        for one in found
    }
    context.log_artifact(f"{html_key}_json", body=json.dumps(report, indent=1), format="json")
    return str(out), successes, errors, report


def _files(item: ml.DataItem) -> Iterator[tuple[str, ml.DataItem]]:
    known = (*_TEXTS, *_TABLES)
    if not item.isdir():
        yield Path(item.url.partition("?")[0]).name, item
        return
    pending, empty = [("", item)], True
    while pending:
        prefix, folder = pending.pop()
        for name in sorted(folder.ls()):
            if name.endswith("/"):
                pending.append((prefix + name, folder.child(name.rstrip("/"))))
            elif name.lower().endswith(known) and not name.startswith("."):
                empty = False
                yield prefix + name, folder.child(name)
    if empty:
        raise MissingFileError(
            "the folder has no texts or tables", where=str(item), fix=f"files: {', '.join(known)}"
        )


def _text(
    name: str,
    item: ml.DataItem,
    target: Path,
    find: Callable[[str], list[Span]],
    change: Callable[[str, str], str],
    full: tuple[bool, bool],
) -> _Found:
    data = item.get(size=_LARGEST + 1)
    if len(data) > _LARGEST:
        raise InvalidArgumentError(f"it is larger than {_LARGEST >> 20} MB", fix="split the file")
    words = data.decode("utf-8-sig", errors="replace")
    spans = find(words)
    whole = [pieces_of(words, 0, len(words), spans)]
    told = [pieces_of(words, *match.span(), spans) for match in _SENTENCE.finditer(words)]
    told = [part for part in told if any(span for _, span in part)]
    copies = [
        "".join(change(span.entity, value) if span else value for value, span in part)
        for part in (whole if full[0] else told)
    ]
    target.write_text(" ".join(copies), encoding="utf-8")
    rows = [
        {
            "entity_type": one.entity, "start": one.start, "end": one.end, "score": one.score,
            "analysis_explanation": {"textual_explanation": one.why},
            "recognition_metadata": {"recognizer_name": one.why.partition(",")[0]},
        }
        for one in spans
    ]  # fmt: skip
    shown = _marked(piece for part in (whole if full[1] else told) for piece in part)
    return _Found(name, Counter(one.entity for one in spans), rows, shown)


def _table(
    name: str,
    item: ml.DataItem,
    target: Path,
    find: Callable[[str], list[Span]],
    change: Callable[[str, str], str],
    wanted: tuple[Sequence[str], float],
) -> _Found:
    columns = AnonymousColumns(find, change, *wanted)
    if name.lower().endswith((".csv", ".tsv")):
        separator = "," if name.lower().endswith("csv") else "\t"
        with pd.read_csv(
            item.local(), sep=separator, dtype=str, keep_default_na=False, chunksize=_ROWS
        ) as chunks, open(target, "w", encoding="utf-8", newline="") as file:  # fmt: skip
            for number, frame in enumerate(chunks):
                for column in frame.columns:
                    frame[column] = columns.changed(str(column), frame[column].tolist())
                frame.to_csv(file, sep=separator, index=False, header=number == 0)
        return _of_columns(name, columns.rows())
    batches = record_batches(item, _ROWS)
    fields = {f.name: f for f in batches.schema if pa.types.is_string(f.type)
              or pa.types.is_large_string(f.type) or pa.types.is_integer(f.type)}  # fmt: skip
    writer: Any = None
    try:
        for batch in batches:
            made = {}
            for column, values in zip(batch.schema.names, batch.columns, strict=True):
                made[column] = values
                if column in fields:
                    texts = [None if one is None else str(one) for one in values.to_pylist()]
                    changed = columns.changed(column, texts)
                    if columns.is_personal(column) or not pa.types.is_integer(values.type):
                        made[column] = pa.array(changed, pa.string())
            part = pa.table(made)
            writer = writer or pq.ParquetWriter(target, part.schema)
            writer.write_table(part)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        pq.write_table(batches.schema.empty_table(), target)
    return _of_columns(name, columns.rows())


def _of_columns(name: str, rows: list[dict[str, Any]]) -> _Found:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row["entity_type"]] += row["count"]
    cells = [[r["column"], r["entity_type"], r["count"], r["example"]] for r in rows]
    shown = table(["column", "what", "cells", "such as"], cells) or Html("<p>nothing found</p>")
    return _Found(name, counts, rows, shown)


def _marked(pieces: Iterable[tuple[str, Span | None]]) -> Html:
    """A text with its finds marked, each masked."""
    parts, left = [], _LONG
    for words, span in pieces:
        if left <= 0:
            parts.append(Html("<p>(the text goes on)</p>"))
            break
        left -= len(words)
        if span is None:
            parts += [
                text(words[at : at + _SHOWN]) for at in range(0, min(len(words), _LONG), _SHOWN)
            ]
            continue
        tone = SERIES[sum(map(ord, span.entity)) % len(SERIES)]
        shown = text(mask_entity(words, span.entity))
        parts.append(Html(
            f'<mark style="background:none;border-bottom:2px solid {tone};color:inherit">{shown} '
            f'<small style="color:{tone}">{text(span.entity)}</small></mark>'
        ))  # fmt: skip
    return Html(f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{joined(parts)}</div>')


def _page(found: Sequence[_Found], errors: Mapping[str, str], counts: Counter[str]) -> str:
    level = "warn" if counts else "ok"
    tops = [("files", len(found)), ("found", sum(counts.values()), level), ("kinds", len(counts))]
    parts = [tiles([*tops, *[("not read", len(errors), "bad")][: len(errors)]])]
    if counts:
        most = counts.most_common()
        chart = bars([name for name, _ in most], [count for _, count in most], title="found")
        parts.append(section("What was found", chart))
    if errors:
        parts.append(section("Not read", table(["file", "why"], list(errors.items()))))
    ordered = sorted(found, key=lambda one: -sum(one.counts.values()))
    shown = []
    for at, one in enumerate(ordered[:_FILES]):
        badges = [
            badge(f"{entity} {count:,}", "warn") for entity, count in one.counts.most_common()
        ]
        head = f"{one.name}: {sum(one.counts.values()):,}"
        shown.append(fold(head, joined(badges, " "), one.shown, is_open=at < 3))
    note = "values are masked" + (f"; the first {_FILES} files" if len(found) > _FILES else "")
    parts.append(section("Files", *shown, note=note))
    return page("Personal data", *parts, subtitle="What texts and tables hold of people")
