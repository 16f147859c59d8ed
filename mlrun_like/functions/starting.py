"""`fn.run` and `fn.step`: the arguments of a run."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError
from mlrun_like.functions.options import check_path
from mlrun_like.functions.tracing import TRACER
from mlrun_like.registry import resolve
from mlrun_like.runs.folder import check_folder
from mlrun_like.runs.shown import display_run

if TYPE_CHECKING:
    from mlrun_like.runs.object import RunObject
    from mlrun_like.specs.function import FunctionDoc
    from mlrun_like.specs.values import HyperParamOptions, Retry

__all__ = ["Starting"]


class Starting(ABC):
    """A function's runs."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The function's name."""

    @abstractmethod
    def _doc(self) -> FunctionDoc:
        """The document that is run."""

    @abstractmethod
    def copy(self) -> Any:
        """A function that can be changed without changing this one."""

    def step(self, **options: Any) -> Any:
        """Inside a pipeline: add a step with options of `run` (params, inputs, name, hyperparams…).

        Raises:
            FunctionError: outside a pipeline.
        """
        tracer = TRACER.get()
        if tracer is None:
            raise FunctionError(
                f"{self.name}.step() is for the body of a pipeline",
                fix=f"outside a pipeline: {self.name}.run(...)",
            )
        function: Any = self
        return tracer.record(function, (), {}, options)

    def run(  # noqa: PLR0913 - MLRun's signature
        self,
        runspec: Any = None,
        handler: str | Callable[..., Any] | Mapping[str, Any] | None = None,
        name: str = "",
        project: str = "",
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        out_path: str = "",
        workdir: str | os.PathLike[str] = "",
        artifact_path: str = "",
        watch: bool = True,
        schedule: Any = None,
        hyperparams: Mapping[str, Any] | None = None,
        hyper_param_options: HyperParamOptions | Mapping[str, Any] | None = None,
        verbose: bool | None = None,
        scrape_metrics: bool | None = None,
        local: bool | None = None,
        local_code_path: str = "",
        auto_build: bool | None = None,
        param_file_secrets: Mapping[str, str] | None = None,
        notifications: Sequence[Any] | None = None,
        returns: Sequence[Any] | str | None = None,
        state_thresholds: Mapping[str, str] | None = None,
        reset_on_run: bool | None = None,
        output_path: str = "",
        retry: Retry | int | Mapping[str, Any] | None = None,
        *,
        labels: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> RunObject:
        """Execute the function and record the run.

        Args:
            runspec: A task (`new_task`) or an earlier run with defaults for all of this; a plain
                mapping is `params`.
            handler: Another entry point: `"name"`, `"Class::method"`, or a callable (local only); a
                plain mapping is `inputs`.
            name: The run's name; by default the function's and handler's.
            project: The project; by default the function's, else the default project.
            params: Values for the handler's arguments (plain data; a local run takes any object).
            inputs: URLs for the handler's data arguments; `{"df: pandas.DataFrame": url}` gives
                a type.
            out_path: The older name of `artifact_path`.
            workdir: The working folder; by default the function's.
            artifact_path: Where artifacts go; may hold `{{run.uid}}` and `{{run.project}}`.
            watch: Show the run's output here while it runs.
            schedule: Do not run now but at these times: a cron expression, or `Schedule(...)`.
            hyperparams: Lists of values to sweep over.
            hyper_param_options: How to sweep.
            verbose: True: log at debug level.
            scrape_metrics: MLRun's; nothing has to be turned on here.
            local: True: run in this process whatever the kind.
            local_code_path: Run this file, in this process, in place of the function's code.
            auto_build: Build the function's image first, if it needs one of its own and has none.
            param_file_secrets: What opens the parameter file of `hyper_param_options`.
            notifications: `Notification(...)`s: who is told when the run ends, or starts.
            returns: Log hints for returned values: `"key"`, `"key:type"`, a dict, or None to skip.
            state_thresholds: As in `set_state_thresholds`, for this run.
            reset_on_run: Also read the modules anew that the handler's module imports; the
                code itself is loaded anew for each run.
            output_path: The newest of MLRun's names of `artifact_path`.
            retry: How often and when to try again after a failure.
            labels: Labels of the run.
            timeout: Seconds after which the run is stopped.

        Returns:
            The completed run; with `schedule` a run that has not started.

        Raises:
            RunError: if the handler failed; it carries the handler's traceback, and the run stays
                recorded.
            FunctionError: if an argument is missing or unknown; nothing has run then.
            InvalidArgumentError: if another value cannot be used; nothing has run then.
        """
        del scrape_metrics
        function: Any = self
        if workdir and local and not self._doc().spec.build.source:
            check_folder(workdir)
        if workdir or state_thresholds or local_code_path:
            function = self._changed(workdir, None, state_thresholds, local_code_path)
        run: RunObject = resolve("mlrun_like.functions.running:run_function")(
            function,
            {
                "params": params,
                "inputs": inputs,
                "runspec": runspec,
                "handler": handler,
                "name": name,
                "project": project,
                "returns": returns,
                "hyperparams": hyperparams,
                "hyper_param_options": hyper_param_options,
                "artifact_path": artifact_path or output_path or out_path,
                "local": True if local_code_path and local is None else local,
                "watch": watch,
                "labels": labels,
                "timeout": timeout,
                "retry": retry,
                "verbose": verbose,
                "schedule": schedule,
                "auto_build": auto_build,
                "notifications": notifications,
                "more_secrets": param_file_secrets,
                "reset_on_run": reset_on_run,
            },
        )
        if watch and not config.strict_arguments:  # as old notebooks show what they ran
            display_run(run)
        return run

    def _changed(
        self,
        workdir: str | os.PathLike[str] = "",
        builder_env: Mapping[str, Any] | None = None,
        state_thresholds: Mapping[str, str] | None = None,
        code_path: str = "",
    ) -> Any:
        """A function of one's own with another working folder or other limits."""
        changed = self.copy()
        document = changed._doc()
        if code_path:
            changed.with_code(from_file=code_path)
        document.spec.workdir = check_path("workdir", workdir) or document.spec.workdir
        document.spec.build.builder_env.update(builder_env or {})
        document.spec.state_thresholds.update(state_thresholds or {})
        return changed
