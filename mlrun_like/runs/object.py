"""A run as seen from outside: what `fn.run(...)` returns and what listings give."""

from __future__ import annotations

import codecs
import html
import json
import sys
import time
from typing import Any

from mlrun_like.artifacts.item import DataItem, get_dataitem
from mlrun_like.errors import (
    RecordLostError,
    RunAbortedError,
    RunError,
    RunLostError,
    RunTimeoutError,
    StateError,
)
from mlrun_like.names import RunURI
from mlrun_like.registry import resolve
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, RunDoc, RunMetadata, RunSpec, RunStatus
from mlrun_like.tracking.base import Store

__all__ = ["RunObject", "error_of", "from_rich", "lost_record", "summary"]


class RunObject:
    """A recorded run.

    Args:
        run: Its document.
        store: Where it is recorded.
    """

    def __init__(self, run: RunDoc, store: Store) -> None:
        self._run = run
        self._store = store
        self.scheduled = False
        """Whether this only says what will run later: it has no record then."""

    @classmethod
    def from_dict(cls, document: dict[str, Any], store: Store) -> RunObject:
        """A run from its recorded document."""
        return cls(parse(RunDoc, document, "run"), store)

    @property
    def metadata(self) -> RunMetadata:
        """Name, uid, iteration, project, labels, annotations."""
        return self._run.metadata

    @property
    def spec(self) -> RunSpec:
        """What was asked for: function, handler, parameters, inputs."""
        return self._run.spec

    @property
    def status(self) -> RunStatus:
        """What happened: state, results, artifacts, error, times."""
        return self._run.status

    def uid(self) -> str:
        """The run's id."""
        return self.metadata.uid

    @property
    def uri(self) -> str:
        """`<project>@<uid>#<iteration>`."""
        return str(RunURI(self.metadata.project, self.metadata.uid, self.metadata.iteration))

    def state(self) -> str:
        """The state now: asks the store while the run is not over."""
        if not self.scheduled and self.status.state not in TERMINAL:
            self.refresh()
        return self.status.state

    @property
    def error(self) -> str:
        """What went wrong, or an empty text."""
        status = self.status
        if status.state in ("error", "aborted"):
            fallback = "Run was aborted" if status.state == "aborted" else "Unknown error"
            return status.error or status.status_text or fallback
        return ""

    @property
    def outputs(self) -> dict[str, Any]:
        """Results and artifact URIs by key; waits for the end of the run."""
        self.wait_for_completion(raise_on_failure=False)
        return {**self.status.results, **self.status.artifact_uris}

    def output(self, key: str) -> Any:
        """One output, or None."""
        return self.outputs.get(key)

    def artifact(self, key: str) -> DataItem | None:
        """An artifact output as a DataItem, or None if the run has no such artifact."""
        self.wait_for_completion(raise_on_failure=False)
        uri = self.status.artifact_uris.get(key)
        if uri is None:
            return None
        return get_dataitem(uri, store=self._store, project=self.metadata.project)

    def metrics(self, *keys: str) -> dict[str, list[tuple[int, float]]]:
        """Metric series as `{key: [(step, value), ...]}`."""
        meta = self.metadata
        series = self._store.read_metrics(meta.project, meta.uid, meta.iteration, keys)
        return {key: [(point.step, point.value) for point in row] for key, row in series.items()}

    def logs(self, watch: bool = False, offset: int = 0) -> str:
        """The log's text from a byte offset.

        Args:
            watch: Print it as it comes until the run ends.
            offset: Where to begin, in bytes.
        """
        meta, parts = self.metadata, []
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            over = self.state() in TERMINAL
            self._store.flush()
            data = self._store.read_log(meta.project, meta.uid, offset)
            offset += len(data)
            text = decoder.decode(data, final=over or not watch)
            parts.append(text)
            if watch:
                sys.stdout.write(text)
            if over or not watch:
                return "".join(parts)
            time.sleep(0.2)

    def refresh(self) -> RunObject:
        """Read the record anew."""
        meta = self.metadata
        document = self._store.read_run(meta.project, meta.uid, meta.iteration)
        self._run = parse(RunDoc, document, self.uri)
        return self

    def wait_for_completion(
        self, sleep: float = 0.2, timeout: float = 0, raise_on_failure: bool = True
    ) -> str:
        """Wait for the end of the run and return its state.

        Args:
            sleep: Seconds between looks.
            timeout: Seconds to wait at most; 0: for ever.
            raise_on_failure: Raise if the run did not complete.

        Raises:
            RunError: if the run failed, was aborted or lost.
            RunTimeoutError: if it is not over in time (the run goes on).
        """
        end = time.monotonic() + timeout if timeout else float("inf")
        while self.state() not in TERMINAL:
            if time.monotonic() > end:
                raise RunTimeoutError(
                    f"the run is still {self.status.state!r} after {timeout:g} s",
                    where=self.uri,
                    fix="wait longer, or run.abort()",
                )
            time.sleep(sleep)
        if raise_on_failure and self.status.state in ("error", "aborted"):
            raise error_of(self._run)
        return self.status.state

    def abort(self, timeout: float = 30) -> str:
        """Ask the run to stop, wait until it has, and return its state."""
        meta = self.metadata
        if self.state() in TERMINAL:
            return self.status.state
        try:
            self._store.set_run_state(meta.project, meta.uid, meta.iteration, "aborting", "")
        except StateError:  # it ended in this moment
            return self.refresh().status.state
        end = time.monotonic() + timeout
        while self.state() not in TERMINAL and time.monotonic() < end:
            time.sleep(0.1)
        return self.status.state

    def to_dict(self) -> dict[str, Any]:
        """The run as plain data: kind, metadata, spec, status."""
        return self._run.to_dict()

    def to_yaml(self) -> str:
        """The run's document as YAML."""
        dump = resolve("yaml:safe_dump")
        return str(dump(self.to_dict(), sort_keys=False, allow_unicode=True))

    def to_json(self) -> str:
        """The run's document as JSON."""
        return json.dumps(self.to_dict())

    def show(self) -> None:
        """Print the run: rich in a terminal, plain text elsewhere."""
        from_rich(self)

    def __repr__(self) -> str:
        return f"<run {self.metadata.name!r} {self.status.state} {self.uri}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'><b>{html.escape(k)}</b></td>"
            f"<td style='text-align:left'><pre style='margin:0;white-space:pre-wrap'>"
            f"{html.escape(v)}</pre></td></tr>"
            for k, v in summary(self)
        )
        return f"<table>{rows}</table>"


def summary(run: RunObject) -> list[tuple[str, str]]:
    """A run in a few lines: label and text."""
    status, spec = run.status, run.spec
    rows = [
        ("run", f"{run.metadata.name}  {run.uri}"),
        ("state", status.state + (f"  {status.status_text}" if status.status_text else "")),
        ("function", " ".join(filter(None, [spec.function, spec.handler]))),
        ("started", status.start_time or ""),
        ("parameters", "\n".join(f"{k} = {_short(v)}" for k, v in spec.parameters.items())),
        ("inputs", "\n".join(f"{k} = {v}" for k, v in spec.inputs.items())),
        ("results", "\n".join(f"{k} = {_short(v)}" for k, v in status.results.items())),
        ("artifacts", "\n".join(f"{k} = {v}" for k, v in status.artifact_uris.items())),
        ("iterations", str(len(status.iterations) - 1) if status.iterations else ""),
        ("error", run.error + (f"\n{status.traceback}" if status.traceback else "")),
    ]
    return [(label, text) for label, text in rows if text]


def from_rich(run: RunObject) -> None:
    """Print a run as a two-column table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    colours = {"completed": "green", "error": "red", "aborted": "red", "running": "yellow"}
    for label, text in summary(run):
        style = colours.get(run.status.state, "") if label == "state" else ""
        table.add_row(Text(label, style="bold"), Text(text, style=style))
    Console().print(table)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."


_TIMED_OUT = "the run exceeded its timeout"
_ENDED = {"error": "failed", "aborted": "was aborted"}
_LOST = (
    "the run's process ended without a word",
    "the run was lost",
    "the process was ended by signal",
    "the process ended with exit code",
)


def error_of(run: RunDoc) -> RunError:
    """The error that stands for a run that did not complete."""
    meta, status = run.metadata, run.status
    uri = str(RunURI(meta.project, meta.uid, meta.iteration))
    what = f"run {meta.name!r} failed: {status.error or status.status_text or 'unknown error'}"
    kind: type[RunError] = RunError
    text = status.error or ""
    if status.state == "aborted":
        kind, what = RunAbortedError, f"run {meta.name!r} was aborted: {text}"
    elif text.startswith(_TIMED_OUT) and not status.traceback:
        kind = RunTimeoutError
    elif text.startswith(_LOST) and not status.traceback:
        kind = RunLostError
    return kind(what, where=uri, fix=f"mlrun-like logs {meta.uid}", traceback=status.traceback)


def lost_record(store: Store, run: RunDoc) -> RecordLostError | None:
    """What to raise if the record of a run that ended lives in this process's memory only."""
    reason = store.unwritten()
    if not reason:
        return None
    name, state = run.metadata.name, run.status.state
    return RecordLostError(
        f"run {name!r} {_ENDED.get(state, state)}, but its record is not kept: {reason}",
        where=RunObject(run, store).uri,
        fix="make room: while this process lives the records wait in its memory, and are written "
        "as soon as they can be; the error's `run` has the results",
        run=run.to_dict(),
    )
