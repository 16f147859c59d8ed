"""A run as seen from outside: what `fn.run(...)` returns and what listings give."""

from __future__ import annotations

import codecs
import html
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.item import DataItem, get_artifact, get_dataitem
from mlrun_like.errors import (
    RunTimeoutError,
    StateError,
)
from mlrun_like.names import RunURI, parse_run_uri
from mlrun_like.registry import resolve
from mlrun_like.runs.ends import error_of
from mlrun_like.runs.shown import print_run, summary
from mlrun_like.specs.fields import ReadByKey
from mlrun_like.specs.model import parse, split_foreign
from mlrun_like.specs.run import TERMINAL, RunDoc, RunMetadata, RunSpec, RunStatus
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store

__all__ = ["RunObject"]


class RunObject(ReadByKey):
    """A recorded run.

    Args:
        run: Its document; None: an empty one, with the parts that are given.
        store: Where it is recorded; None: the configured store.
        parts: `metadata`, `spec` and `status`, in place of a document.
    """

    kind = "run"

    def __init__(self, run: RunDoc | None = None, store: Store | None = None, **parts: Any) -> None:
        found = {name: part for name, part in parts.items() if part is not None}
        self._run = RunDoc(**found) if run is None else run
        self._given = store
        self.scheduled = False
        """Whether this only says what will run later: it has no record then."""

    @property
    def _store(self) -> Store:
        if self._given is None:
            self._given = open_store()
        return self._given

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], store: Store | None = None) -> RunObject:
        """A run from its document.

        Args:
            document: Plain data.
            store: Where it is recorded; None: it may be MLRun's, of which unknown keys are left
                out.

        Raises:
            SpecError: if a value has a wrong type.
        """
        known = split_foreign(RunDoc, document)[0] if store is None else document
        return cls(parse(RunDoc, known, "run"), store)

    @classmethod
    def from_template(cls, template: Any) -> RunObject:
        """A run that was not started, from a task."""
        return cls.from_dict(template.to_dict())

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

    @property
    def ui_url(self) -> str:
        """The run's page; empty: its store is no service."""
        address, meta = self._store.url, self.metadata
        if not address.startswith("http"):
            return ""
        return f"{address.rstrip('/')}/projects/{meta.project}/runs/{meta.uid}"

    @staticmethod
    def create_uri(project: str, uid: str, iteration: int | str = 0, tag: str = "") -> str:
        """`<project>@<uid>#<iteration>[:<tag>]`."""
        return f"{project}@{uid}#{iteration}" + (f":{tag}" if tag else "")

    @staticmethod
    def parse_uri(uri: str) -> tuple[str, str, str, str]:
        """The project, uid, iteration and tag of such an address.

        Raises:
            InvalidArgumentError: if it is none.
        """
        head, _, tag = uri.partition(":")
        found = parse_run_uri(head)
        return found.project, found.uid, str(found.iteration), tag

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

    def _artifact(self, key: str) -> dict[str, Any] | None:
        """An artifact output as plain data, or None."""
        uri = self.status.artifact_uris.get(key)
        return get_artifact(uri, store=self._store).to_dict() if uri else None

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

    def logs(self, watch: bool = False, offset: int = 0, db: Any = None) -> str:
        """The log's text from a byte offset.

        Args:
            watch: Print it as it comes until the run ends.
            offset: Where to begin, in bytes.
            db: MLRun's; a run knows where it is recorded.
        """
        del db
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
        self,
        sleep: float = 0.2,
        timeout: float = 0,
        raise_on_failure: bool = True,
        show_logs: bool | None = None,
        logs_interval: float | None = None,
    ) -> str:
        """Wait for the end of the run and return its state.

        Args:
            sleep: Seconds between looks.
            timeout: Seconds to wait at most; 0: for ever.
            raise_on_failure: Raise if the run did not complete.
            show_logs: Print the log when the run is over.
            logs_interval: MLRun's; with it the log is printed too.

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
        if show_logs or logs_interval:
            sys.stdout.write(self.logs())
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
        print_run(self)

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
