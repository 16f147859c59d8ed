"""What a target of files knows of itself: its files, the feeds and what they staged.

It is one JSON document beside the data, replaced as a whole. `publish` is the journal: what a
finished feed moves into place. Whoever opens the target next carries it out to the end, so that a
process that dies half-way leaves no half.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from mlrun_like.artifacts.stores import redact
from mlrun_like.errors import ConflictError, IntegrityError
from mlrun_like.feature_store.targets.files import Files

__all__ = ["Site", "State", "schema_of", "schema_text", "site_of"]

_VERSION = 1
_FEEDS_KEPT = 500


@dataclass(frozen=True)
class Site:
    """Where a target of files is.

    Args:
        files: The folder that holds the data.
        single: The name of the one file in it; empty: the folder is the target.
        suffix: How the names of files of a folder end.
    """

    files: Files
    single: str = ""
    suffix: str = ".parquet"

    @property
    def control(self) -> str:
        """The folder of state, locks and staged files."""
        return f".{self.single}.mlrun_like" if self.single else "_mlrun_like"

    @property
    def state_name(self) -> str:
        """The file of the state."""
        return f"{self.control}/state.json"

    @property
    def where(self) -> str:
        """The place, for messages."""
        return redact(self.files.url)


@dataclass
class State:
    """The state of one target.

    Args:
        generation: How often it was stored.
        owner: The feature set that writes here, `project/name`.
        schema: All columns, those in the names of folders included; None: nothing was written.
        partitions: The columns that are in the names of folders only.
        time_units: The names of folders that are parts of the event time, from coarse to fine.
        files: The data files that feeds wrote, with their rows, oldest first.
        feeds: What is known of each feed, by its id.
        publish: The journal; None: nothing is to be carried out.
        newest: The newest event time, ISO 8601; empty: none.
    """

    generation: int = 0
    owner: str = ""
    schema: pa.Schema | None = None
    partitions: list[str] = field(default_factory=list)
    time_units: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    feeds: dict[str, dict[str, Any]] = field(default_factory=dict)
    publish: dict[str, Any] | None = None
    newest: str = ""

    @classmethod
    def load(cls, site: Site) -> State | None:
        """The state; None: there is none.

        Raises:
            IntegrityError: if it cannot be understood.
        """
        data = site.files.read(site.state_name)
        if data is None:
            return None
        try:
            found = orjson.loads(data)
            if found.pop("version") != _VERSION:
                raise ValueError("its version is not known")
            schema = found.pop("schema")
            return cls(schema=schema_of(schema) if schema else None, **found)
        except (ValueError, TypeError, KeyError, AttributeError, pa.ArrowException) as exc:
            raise IntegrityError(
                f"the state of the target cannot be read: {exc!s:.200}",
                where=f"{site.where}: {site.state_name}",
                fix="purge the target and ingest again",
            ) from exc

    @property
    def bound(self) -> pa.Schema | None:
        """The columns that further rows must agree with: those of rows that are there."""
        return self.schema if any(self.files.values()) else None

    def save(self, site: Site) -> None:
        """Store it, unless somebody else has since it was read.

        Raises:
            ConflictError: if another process wrote to the target meanwhile.
        """
        if not (site.files.is_local or site.files.is_memory):
            # no locks there: the least that can be done is to notice
            now = State.load(site)
            if (now.generation if now else 0) != self.generation:
                raise ConflictError(
                    "two processes write to one target at once", where=site.where,
                    fix="let one of them end, then start the other again",
                )  # fmt: skip
        self.generation += 1
        done = [name for name, feed in self.feeds.items() if feed.get("done")]
        for name in done[:-_FEEDS_KEPT]:
            del self.feeds[name]
        document = {
            "version": _VERSION,
            **{name: value for name, value in vars(self).items() if name != "schema"},
            "schema": schema_text(self.schema) if self.schema is not None else "",
        }
        site.files.write(site.state_name, orjson.dumps(document))


def site_of(
    path: str, suffixes: tuple[str, ...], storage_options: Mapping[str, Any] | None = None
) -> Site:
    """Where a path is: a file if it ends like one, and is no folder, as Spark makes them."""
    if path.endswith(suffixes):
        files = Files(path, storage_options, file=True)
        if not files.is_folder(files.name):
            return Site(files, files.name, suffixes[0])
    return Site(Files(path, storage_options), "", suffixes[0])


def schema_text(schema: pa.Schema) -> str:
    """A schema as text."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def schema_of(text: str) -> pa.Schema:
    """The schema of its text."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
