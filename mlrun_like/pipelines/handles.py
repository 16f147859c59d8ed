"""What calls give while a pipeline's body runs: handles of steps and of pipelines inside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from mlrun_like.errors import PipelineError, UnknownValueError
from mlrun_like.pipelines.comparable import Comparable
from mlrun_like.pipelines.refs import OutputRef
from mlrun_like.pipelines.values import Ref
from mlrun_like.specs.notification import read_notifications
from mlrun_like.specs.values import Retry

if TYPE_CHECKING:
    from mlrun_like.pipelines.tracing import PlanTracer

__all__ = ["Outputs", "PartHandle", "StepHandle"]

_SWEEP_OUTPUTS = ("best_iteration", "iteration_results")


class Outputs:
    """`step.outputs["key"]`: a reference to an output of the run to come."""

    def __init__(self, step: StepHandle) -> None:
        self._step = step

    def __getitem__(self, key: str) -> OutputRef:
        return OutputRef(self._step.name, key)

    def __repr__(self) -> str:
        return f"<outputs of step {self._step.name!r}>"


class StepHandle(Comparable):
    """A step while its pipeline is built; passed as a value, it is its only output.

    The methods that change it have Kubeflow's names and give the handle back.
    """

    def __init__(self, tracer: PlanTracer, index: int) -> None:
        self._tracer = tracer
        self._index = index

    def __repr__(self) -> str:
        return f"<step {self.name!r}>"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise UnknownValueError(
            f"step {self.name!r} has not run while its pipeline is built, so it has no {name!r}",
            fix="pass its outputs to another step and look there, or make the pipeline dynamic: "
            "@pipeline(dynamic=True)",
        )

    @property
    def name(self) -> str:
        """The step's name."""
        return self._tracer.steps[self._index].name

    @property
    def outputs(self) -> Outputs:
        """References to its outputs, by key."""
        return Outputs(self)

    @property
    def output(self) -> Any:
        """A reference to its only output; called with a key, to that one."""
        return _Output(self)

    def value(self) -> OutputRef:
        """A reference to its only output, by default `return`."""
        step = self._tracer.steps[self._index]
        keys = step.outputs or step.returns
        own = [key for key in keys if key not in _SWEEP_OUTPUTS]
        return OutputRef(self.name, own[0] if len(own) == 1 else "return")

    def all_outputs(self) -> dict[str, OutputRef]:
        """References to the outputs its function declares, else to its only one."""
        keys = self._tracer.steps[self._index].outputs
        return (
            {key: OutputRef(self.name, key) for key in keys} if keys else {"return": self.value()}
        )

    def after(self, *steps: StepHandle | PartHandle | str) -> StepHandle:
        """Start only when these have ended."""
        names = [_name_of(step) for step in steps]
        own = self._tracer.steps[self._index].after
        return self._change(after=(*own, *names))

    def set_retry(
        self,
        num_retries: int,
        backoff_duration: str | float = 1.0,
        backoff_factor: float = 2.0,
        backoff_max_duration: str | float = 300.0,
    ) -> StepHandle:
        """Try again after a failure.

        Args:
            num_retries: How many more times.
            backoff_duration: Wait before the first of them, in seconds or such as `"30s"`.
            backoff_factor: Each further wait is this many times longer.
            backoff_max_duration: The longest wait.
        """
        retry = Retry(
            num_retries, _seconds(backoff_duration), backoff_factor, _seconds(backoff_max_duration)
        )
        return self._option(retry=retry)

    def set_timeout(self, seconds: float) -> StepHandle:
        """Stop it after this time."""
        return self._option(timeout=seconds)

    def set_caching_options(
        self, enable_caching: bool, cache_key: str | None = None, max_age: float | None = None
    ) -> StepHandle:
        """Whether an equal earlier step may stand in; `max_age`: for how many seconds."""
        del cache_key  # Kubeflow's own: here the key is what the step depends on
        return self._policy(cache=bool(enable_caching), max_age=max_age)

    def set_display_name(self, name: str) -> StepHandle:
        """Its name in pictures."""
        return self._policy(display_name=str(name))

    def set_notifications(self, *notifications: Any) -> StepHandle:
        """Tell somebody when its run starts or ends: `Notification("slack", when=["error"])`."""
        return self._option(notifications=read_notifications(list(notifications)))

    def ignore_upstream_failure(self) -> StepHandle:
        """Run although a step before it failed; what is missing is the argument's default."""
        return self._policy(even_after_failure=True)

    def set_env_variable(self, name: str, value: str) -> StepHandle:
        """Give its process an environment variable."""
        self._function().set_env(name, value)
        return self

    def set_memory_limit(self, memory: str) -> StepHandle:
        """What it may use at most, such as `"2Gi"`."""
        self._function().with_limits(mem=memory, patch=True)
        return self

    def set_cpu_limit(self, cpu: str) -> StepHandle:
        """The processors it may use at most, such as `"500m"`."""
        self._function().with_limits(cpu=cpu, patch=True)
        return self

    def set_memory_request(self, memory: str) -> StepHandle:
        """What it needs at least."""
        self._function().with_requests(mem=memory, patch=True)
        return self

    def set_cpu_request(self, cpu: str) -> StepHandle:
        """The processors it needs at least."""
        self._function().with_requests(cpu=cpu, patch=True)
        return self

    def set_accelerator_limit(self, limit: int | str) -> StepHandle:
        """How many accelerators it gets."""
        self._function().with_limits(gpus=int(limit), patch=True)
        return self

    def set_accelerator_type(self, accelerator: str) -> StepHandle:
        """Which accelerators: a node label's name, as Kubeflow takes it."""
        self._function().with_node_selection(node_selector={accelerator: "true"})
        return self

    set_gpu_limit = set_accelerator_limit

    def add_node_selector_constraint(self, label_name: str, value: str = "true") -> StepHandle:
        """Run on nodes with this label only."""
        self._function().with_node_selection(node_selector={label_name: value})
        return self

    def set_container_image(self, name: str) -> StepHandle:
        """The image it runs in."""
        self._function().spec.image = name
        return self

    def apply(self, modify: Any) -> StepHandle:
        """Change its function by a modifier, such as `mount_pvc(...)`."""
        self._function().apply(modify)
        return self

    def _function(self) -> Any:
        """A function that this step alone uses."""
        return self._tracer.own_function(self._index)

    def _option(self, **options: Any) -> StepHandle:
        return self._change(options={**self._tracer.steps[self._index].options, **options})

    def _policy(self, **changes: Any) -> StepHandle:
        self._tracer.change_policy(self._index, changes)
        return self

    def _change(self, **changes: Any) -> StepHandle:
        self._tracer.change(self._index, changes)
        return self


class _Output(OutputRef):
    """`step.output` as a value, and `step.output("key")`."""

    def __init__(self, step: StepHandle) -> None:
        own = step.value()
        super().__init__(own.step, own.key)

    def __call__(self, key: str) -> OutputRef:
        return OutputRef(self.step, key)


class PartHandle(Comparable):
    """A pipeline inside a pipeline; passed as a value, it is its only output.

    Args:
        tracer: Of the pipeline around it.
        name: Its name.
        outputs: What its body returned, by key.
        steps: The steps in it, by index.
    """

    def __init__(
        self, tracer: PlanTracer, name: str, outputs: Mapping[str, Ref], steps: range
    ) -> None:
        self._tracer = tracer
        self._steps = steps
        self.name = name
        self.outputs = outputs
        """References by key."""

    def __getitem__(self, key: str) -> Any:
        return self.outputs[key]

    def __repr__(self) -> str:
        return f"<part {self.name!r}>"

    @property
    def output(self) -> Ref:
        """A reference to its only output."""
        return self.value()

    def value(self) -> Ref:
        """See StepHandle.value."""
        if len(self.outputs) == 1:
            return next(iter(self.outputs.values()))
        if "return" in self.outputs:
            return self.outputs["return"]
        raise PipelineError(
            f"pipeline {self.name!r} gives {', '.join(self.outputs) or 'nothing'}, not one value",
            fix=f'take one of them: {self.name}.outputs["key"]',
        )

    def after(self, *steps: StepHandle | PartHandle | str) -> PartHandle:
        """Start none of its steps before these have ended."""
        for index in self._steps:
            StepHandle(self._tracer, index).after(*steps)
        return self


def _name_of(step: Any) -> str:
    if isinstance(step, (StepHandle, PartHandle)):
        return step.name
    if isinstance(step, OutputRef):
        return step.step
    if isinstance(step, str):
        return step
    name = getattr(step, "name", "")
    if isinstance(name, str) and name and not isinstance(step, Ref):  # a gate
        return name
    raise PipelineError(f"after() was given {step!r:.80}, not a step", fix="step.after(other)")


def _seconds(value: str | float) -> float:
    if not isinstance(value, str):
        return value
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (value[:-1], value[-1:]) if value[-1:] in units else (value, "s")
    try:
        return float(number) * units[unit]
    except ValueError:
        raise PipelineError(
            f"{value!r} is not a duration", fix='seconds, or such as "30s", "5m"'
        ) from None
