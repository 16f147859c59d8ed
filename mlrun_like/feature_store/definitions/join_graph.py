"""JoinGraph: which feature sets of a vector are joined, in which order and how."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import InvalidArgumentError, SpecError, nearest
from mlrun_like.feature_store.definitions.fields import Fields
from mlrun_like.feature_store.definitions.object_list import ObjectList

__all__ = ["JOIN_TYPES", "JoinGraph", "JoinStep"]

JOIN_TYPES = ("inner", "outer", "left", "right")
_FIRST = "first"


class JoinStep(Fields):
    """One join: what was joined so far with one more feature set. The first step is the set with
    which the joins begin; its type is `first`."""

    _fields = (
        "name", "left_step_name", "right_step_name", "left_feature_set_names",
        "right_feature_set_name", "join_type", "asof_join",
    )  # fmt: skip
    _texts = ("name", "left_step_name", "right_step_name", "right_feature_set_name", "join_type")

    def __init__(
        self,
        name: str = "",
        left_step_name: str = "",
        right_step_name: str = "",
        left_feature_set_names: list[str] | None = None,
        right_feature_set_name: str = "",
        join_type: str = "inner",
        asof_join: bool = False,
    ) -> None:
        self.name = name
        self.left_step_name = left_step_name
        self.right_step_name = right_step_name
        self.left_feature_set_names = list(left_feature_set_names or [])
        self.right_feature_set_name = right_feature_set_name
        self.join_type = join_type
        self.asof_join = asof_join


class JoinGraph(Fields):
    """Joins of feature sets, one after another.

    Args:
        name: Its name.
        first_feature_set: The set with which the joins begin: a FeatureSet or its name.

    >>> graph = JoinGraph(first_feature_set="quotes").inner("stocks").left("news", asof_join=True)
    >>> [(step.right_feature_set_name, step.join_type) for step in graph.steps]
    [('quotes', 'first'), ('stocks', 'inner'), ('news', 'left')]
    """

    default_graph_name = "$__join_graph_fv__$"
    _fields = ("name", "first_feature_set", "steps")

    def __init__(self, name: str | None = None, first_feature_set: Any = None) -> None:
        self.name = name or self.default_graph_name
        self.first_feature_set: str | None = None
        self._steps = ObjectList(_step, "join")
        if first_feature_set is not None:
            self._start(first_feature_set)

    @property
    def steps(self) -> ObjectList[JoinStep]:
        """The joins, in order; the first is the set with which they begin."""
        return self._steps

    @steps.setter
    def steps(self, steps: Any) -> None:
        self._steps = ObjectList.from_list(_step, steps, "join")

    @property
    def all_feature_sets_names(self) -> list[str]:
        """The feature sets, in join order."""
        return [step.right_feature_set_name for step in self._steps]

    @property
    def last_step_name(self) -> str:
        """The name of the last join; empty: there is none."""
        return self._steps[-1].name if len(self._steps) else ""

    def inner(self, other_operand: Any) -> JoinGraph:
        """Keep rows that both sides have; returns this graph.

        Args:
            other_operand: A FeatureSet or its name.
        """
        return self._join(other_operand, "inner")

    def outer(self, other_operand: Any) -> JoinGraph:
        """Keep the rows of both sides; returns this graph."""
        return self._join(other_operand, "outer")

    def left(self, other_operand: Any, asof_join: bool = False) -> JoinGraph:
        """Keep the rows so far; returns this graph.

        Args:
            other_operand: A FeatureSet or its name.
            asof_join: Take what was known at each row's time, not what has the same time.
        """
        if not isinstance(asof_join, bool):
            raise InvalidArgumentError(f"asof_join must be True or False, not {asof_join!r:.60}")
        return self._join(other_operand, "left", asof_join)

    def right(self, other_operand: Any) -> JoinGraph:
        """Keep the rows of the other set; returns this graph."""
        return self._join(other_operand, "right")

    def _start(self, first: Any) -> None:
        name = _set_name(first)
        self.first_feature_set = name
        self._steps = ObjectList(_step, "join")
        step = JoinStep("step_0", right_step_name=name, right_feature_set_name=name)
        step.join_type = _FIRST
        self._steps.update(step)

    def _join(self, other: Any, join_type: str, asof_join: bool = False) -> JoinGraph:
        name = _set_name(other)
        if not len(self._steps):
            raise InvalidArgumentError(
                f"nothing comes before {name!r} in the join graph",
                fix='JoinGraph(first_feature_set="...")',
            )
        known = self.all_feature_sets_names
        if name in known:
            raise InvalidArgumentError(f"feature set {name!r} is joined twice", where=self.name)
        self._steps.update(
            JoinStep(
                f"step_{len(known)}", self.last_step_name, name, known, name, join_type, asof_join
            )
        )
        return self

    def _read(self, name: str, value: Any, where: str) -> None:
        super()._read(name, value, where)
        if name == "first_feature_set" and value and not len(self._steps):
            self._start(value)

    def check(self) -> list[str]:
        """What is wrong with a graph that was read; empty: nothing."""
        problems = []
        for number, step in enumerate(self._steps):
            known = (_FIRST,) if number == 0 else JOIN_TYPES
            if step.join_type not in known:
                problems.append(
                    f"join {step.name!r} has type {step.join_type!r:.40}, not one of: "
                    f"{', '.join(known)}.{nearest(str(step.join_type), known)}"
                )
        if len(set(self.all_feature_sets_names)) != len(self._steps):
            problems.append("a feature set is joined twice")
        return problems


def _step(value: Any) -> JoinStep:
    return value if isinstance(value, JoinStep) else JoinStep.from_dict(value, "join")


def _set_name(operand: Any) -> str:
    name = operand if isinstance(operand, str) else getattr(operand, "name", None)
    if not isinstance(name, str) or not name:
        raise SpecError(
            f"{operand!r:.80} is no feature set",
            where="join graph",
            fix='pass a FeatureSet or its name: .inner("stocks")',
        )
    return name
