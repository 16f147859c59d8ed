"""What a row is to the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlrun_like.errors import InvalidArgumentError

__all__ = ["Rows"]


@dataclass(frozen=True)
class Rows:
    """How rows become events, and what is written for them.

    As `bodies`, a row is the body of one event: a dictionary by column (a missing value is None),
    or the item of an iterable itself. As `inputs`, it is one row of a model's request: the graph
    gets `{"inputs": [[value, ...], ...]}` with many rows at once, and the `outputs` of its answer
    become the column `prediction` beside the columns of the source.

    Args:
        form: `bodies`, `inputs`, or `auto`: inputs if the graph begins with a model or a router
            and rows have columns.
        columns: The columns that the graph gets, in this order; empty: all.
        path: The path of the events, such as `/v2/models/m1/infer` for one model of a router.
        prediction: Name of the column of predictions.

    >>> Rows(form="inputs", columns=["age", "income"]).path
    '/'

    Raises:
        InvalidArgumentError: if the form is unknown, or a column comes twice.
    """

    form: Literal["auto", "bodies", "inputs"] = "auto"
    columns: Sequence[str] = ()
    path: str = "/"
    prediction: str = "prediction"

    def __post_init__(self) -> None:
        if self.form not in ("auto", "bodies", "inputs"):
            raise InvalidArgumentError(
                f"form cannot be {self.form!r}", fix='use "auto", "bodies" or "inputs"'
            )
        if isinstance(self.columns, str):
            raise InvalidArgumentError(
                f"columns is the text {self.columns!r}", fix=f"columns=[{self.columns!r}]"
            )
        if len(set(self.columns)) != len(self.columns):
            raise InvalidArgumentError(f"a column comes twice in {list(self.columns)!r}")
