"""CustomTarget: a class of the user's own takes the rows."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from mlrun_like.errors import InvalidArgumentError, UnknownNameError
from mlrun_like.feature_store.targets.base import BaseStoreTarget
from mlrun_like.feature_store.targets.frames import selected, table_of, to_pandas
from mlrun_like.feature_store.targets.positions import Positions
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob

__all__ = ["CustomTarget"]


class CustomTarget(BaseStoreTarget):
    """Rows for a class of the user's own.

    The class is made with `attributes` and has one of: `writer(job)`, which gives a
    `TargetWriter`; `write_dataframe(df, key_column, timestamp_key)`, called with each commit's
    frames; `do(row)`, called for each row as a dictionary. The latter two get the rows of a commit
    again if the process dies in it.

    Args:
        class_name: `module.Class`, `module:Class`, or a class of the main program.
        name: Its name; by default `custom`.
        after_step: The step whose results are written.
        attributes: Arguments of the class.
    """

    kind = "custom"

    def __init__(
        self, class_name: str, name: str = "", after_step: str | None = None, **attributes: Any
    ) -> None:
        super().__init__(name, "", {**attributes, "class_name": class_name}, after_step)

    def get_target_templated_path(self) -> str:
        return str(self.attributes.get("class_name", ""))

    def writer(self, job: WriteJob) -> TargetWriter:
        attributes = dict(self.attributes)
        name = attributes.pop("class_name", "")
        made = _found(name)(**attributes)
        if hasattr(made, "writer"):
            writer: TargetWriter = made.writer(job)
            return writer
        if not (hasattr(made, "write_dataframe") or hasattr(made, "do")):
            raise InvalidArgumentError(
                f"class {name!r} takes no rows", where=f"target {self.name!r}",
                fix="give it writer(job), write_dataframe(df, ...) or do(row)",
            )  # fmt: skip
        return _Writer(made, self, job)


def _found(name: Any) -> Any:
    module, _, attribute = str(name).replace(":", ".").rpartition(".")
    try:
        place = importlib.import_module(module) if module else sys.modules["__main__"]
        return getattr(place, attribute)
    except (ImportError, AttributeError, ValueError) as exc:
        raise UnknownNameError(
            f"there is no class {name!r:.120}: {exc}", fix="CustomTarget('my_module.MyTarget')"
        ) from exc


class _Writer(TargetWriter):
    def __init__(self, made: Any, target: CustomTarget, job: WriteJob) -> None:
        self._made, self._target, self._job = made, target, job
        place = f"custom:{job.project}/{job.name}/{target.name}"
        self._positions = Positions(place, job.feed)
        self._held: list[Any] = []
        self._rows = 0

    def position(self) -> str:
        return self._positions.get()[0]

    def write(self, frame: Any) -> None:
        table = selected(table_of(frame, self._job), self._target.columns, self._job)
        if table.num_rows:
            self._held.append(table)

    def commit(self, position: str) -> None:
        held, self._held = self._held, []
        for table in held:
            self._rows += table.num_rows
            if hasattr(self._made, "write_dataframe"):
                self._made.write_dataframe(
                    to_pandas(table), key_column=list(self._job.entities),
                    timestamp_key=self._job.timestamp_key or None,
                )  # fmt: skip
            else:
                for row in table.to_pylist():
                    self._made.do(row)
        self._positions.put(position)

    def finish(self) -> dict[str, Any]:
        for name in ("finish", "terminate", "close"):
            if hasattr(self._made, name):
                getattr(self._made, name)()
                break
        return {
            "size": None, "path": self._target.get_target_path(), "last_written": None,
            "rows": self._rows, "run_id": self._job.run_id or None,
        }  # fmt: skip

    def abort(self) -> None:
        self._held = []
        self._positions.drop()
