"""CustomSource: rows from a class of the user's; HttpSource lives in streams.py."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import pandas as pd

from mlrun_like.artifacts.formats import is_frame
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.sources.base import Source, SourceChunk
from mlrun_like.feature_store.sources.frames import DataFrameSource
from mlrun_like.registry import resolve

__all__ = ["CustomSource"]


class CustomSource(Source):
    """Rows that a class of yours gives.

    The class is made with the attributes. Its objects have `chunks(size, after="")`, as a source
    here; or `to_dataframe()`; or they are iterable and give frames, or dictionaries (as storey's
    sources do), which are counted for positions.

    Args:
        class_name: `package.module.Class`, or the class itself.
        name: Its name.
        schedule: When to ingest again, as cron.
        attributes: Arguments of the class.
    """

    kind: ClassVar[str] = "custom"
    support_spark: ClassVar[bool] = False

    def __init__(
        self,
        class_name: str | type | None = None,
        name: str = "",
        schedule: str | None = None,
        **attributes: Any,
    ) -> None:
        named = (
            f"{class_name.__module__}.{class_name.__qualname__}"
            if isinstance(class_name, type)
            else class_name
        )
        super().__init__(name, "", {**attributes, "class_name": named}, schedule=schedule)
        self._class = class_name if isinstance(class_name, type) else None

    def _loaded(self, struct: Mapping[str, Any]) -> None:
        self._class = None

    def _made(self) -> Any:
        arguments = {k: v for k, v in self.attributes.items() if k != "class_name"}
        name = self.attributes.get("class_name") or ""
        found = self._class
        if found is None:
            module, dot, attribute = str(name).rpartition(".")
            try:
                if not dot:
                    raise ImportError("it has no module")
                found = resolve(f"{module}:{attribute}")
            except (ImportError, AttributeError) as exc:
                raise InvalidArgumentError(
                    f"the class {name!r} of a CustomSource cannot be imported: {exc!s:.150}",
                    fix='CustomSource(class_name="package.module.Class")',
                ) from exc
        if "context" in inspect.signature(found).parameters:
            arguments.setdefault("context", None)
        try:
            return found(**arguments)
        except TypeError as exc:
            raise InvalidArgumentError(
                f"{name} cannot be made with {sorted(arguments)}: {exc!s:.150}",
                where=self.describe(),
            ) from exc

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        raise NotImplementedError  # chunks() of this class does not come here

    def chunks(self, size: int = 100_000, *, after: str = "") -> Iterator[SourceChunk]:
        """The rows that the class gives; see `Source.chunks`."""
        made = self._made()
        if callable(getattr(made, "chunks", None)):
            yield from made.chunks(size, after=after)
            return
        inner = DataFrameSource(
            lambda: _frames(made, size), self.key_field, time_field=self.time_field
        )
        inner.start_time, inner.end_time = self.start_time, self.end_time
        yield from inner.chunks(size, after=after)


def _frames(made: Any, size: int) -> Iterator[Any]:
    if callable(getattr(made, "to_dataframe", None)):
        yield made.to_dataframe()
        return
    if not isinstance(made, Iterable):
        raise InvalidArgumentError(
            f"a {type(made).__name__} gives no rows",
            fix="write chunks(size, after), to_dataframe() or __iter__ of frames or dictionaries",
        )
    held: list[Mapping[str, Any]] = []
    for one in made:
        if is_frame(one):
            yield one
        elif isinstance(one, Mapping):
            held.append(one)
            if len(held) >= size:
                yield pd.DataFrame(held)
                held = []
        else:
            raise InvalidArgumentError(
                f"{type(made).__name__} gave a {type(one).__name__}; a row is a dictionary"
            )
    if held:
        yield pd.DataFrame(held)
