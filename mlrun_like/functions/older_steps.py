"""`fn.as_step` and `fn.deploy_step`: how MLRun's older workflow files add steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import FunctionError
from mlrun_like.functions.tracing import TRACER
from mlrun_like.registry import resolve

__all__ = ["OlderSteps"]

_DEPLOYED = ("serving", "nuclio", "remote", "application")


class OlderSteps:
    """Mixed into `Function`."""

    def as_step(  # noqa: PLR0913 - MLRun's signature
        self,
        runspec: Any = None,
        handler: Any = None,
        name: str = "",
        project: str = "",
        params: Mapping[str, Any] | None = None,
        hyperparams: Mapping[str, Any] | None = None,
        selector: str = "",
        hyper_param_options: Any = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Sequence[str] | None = None,
        workdir: str = "",
        artifact_path: str = "",
        image: str = "",
        labels: Mapping[str, Any] | None = None,
        use_db: bool = True,
        verbose: bool | None = None,
        scrape_metrics: bool = False,
        returns: Sequence[Any] | None = None,
        auto_build: bool = False,
    ) -> Any:
        """Inside a pipeline: add a step that runs the function; newer: `mlrun.run_function`.

        Args:
            runspec: A task (`new_task`) with defaults for the rest.
            handler: Another entry point than the default one.
            name: The step's name.
            project: MLRun's; the workflow's project counts.
            params: Values for the handler's arguments.
            hyperparams: Lists of values to sweep over.
            selector: `max.<result>` or `min.<result>`: the best trial of a sweep.
            hyper_param_options: How to sweep.
            inputs: URLs for the handler's data arguments.
            outputs: MLRun's list of what later steps use; not needed here.
            workdir: The working folder.
            artifact_path: Where artifacts go.
            image: The image it runs in.
            labels: Labels of the run.
            use_db: MLRun's; the function as it is here counts.
            verbose: Log at debug level.
            scrape_metrics: MLRun's; nothing is scraped.
            returns: Log hints for returned values.
            auto_build: Build the function's image first, if it needs one and has none.

        Raises:
            FunctionError: outside a pipeline.
        """
        del project, outputs, use_db, scrape_metrics
        function: Any = _inside(self, "as_step")
        if image:
            function = function.copy()
            function.spec.image = image
        return resolve("mlrun_like.projects.operations:run_function")(
            function,
            handler=handler,
            name=name,
            params=params,
            hyperparams=hyperparams,
            hyper_param_options=hyper_param_options,
            inputs=inputs,
            workdir=workdir,
            labels=labels,
            base_task=runspec,
            verbose=verbose,
            selector=selector,
            auto_build=auto_build or None,
            artifact_path=artifact_path,
            returns=returns,
        )

    def deploy_step(self, **options: Any) -> Any:
        """Inside a pipeline: add a step that deploys the function, or builds its image.

        Args:
            options: What `mlrun.deploy_function` takes (`models`, `env`, `tag`, `verbose`), or, of
                a function that is run, `mlrun.build_function`.

        Raises:
            FunctionError: outside a pipeline.
        """
        function: Any = _inside(self, "deploy_step")
        kind = str(function.kind).partition(":")[0]
        word = "deploy_function" if kind in _DEPLOYED else "build_function"
        for own in ("project", "use_function_from_db", "verbose" * (word[0] == "b")):
            options.pop(own, None)  # MLRun's, which mean nothing here
        return resolve(f"mlrun_like.projects.building:{word}")(function, **options)


def _inside(function: Any, word: str) -> Any:
    if TRACER.get() is None:
        raise FunctionError(
            f"{function.name}.{word}() is for the body of a pipeline",
            fix=f"outside a pipeline: {function.name}.run(...)",
        )
    return function
