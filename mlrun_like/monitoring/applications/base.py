"""The base class of monitoring applications: a user's `do_tracking`, called for every window."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.results import as_results
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from mlrun_like.monitoring.applications.context import MonitoringApplicationContext

__all__ = ["ModelMonitoringApplicationBase", "ModelMonitoringApplicationBaseV2", "given_arguments"]

_FIRST = ("monitoring_context", "context")
_OLD_SIGNATURE = (
    "application_name", "sample_df_stats", "feature_stats", "sample_df", "start_infer_time",
    "end_infer_time", "latest_request", "endpoint_id", "output_stream_uri",
)  # fmt: skip


class ModelMonitoringApplicationBase(ABC):
    """Watches endpoints: subclass it, write `do_tracking`, register it.

    Class attributes say how it is run:

    - `NAME`: its name if none is given at registration.
    - `period`: minutes of a window; None: the project's.
    - `timeout`: seconds that one window may take; None: the setting
      `monitoring_application_timeout`.
    - `empty_windows`: whether it is also called for windows without events between others.
    - `needs_labels`: whether it looks only at endpoints that have ground truth; its windows from
      before the first label are made up for.
    - `revisit`: so many finished windows are computed anew when labels for them come late.

    >>> class Rows(ModelMonitoringApplicationBase):
    ...     def do_tracking(self, monitoring_context):
    ...         return {"rows": len(monitoring_context.sample_df)}
    >>> Rows.kind
    'monitoring_application'
    """

    kind = "monitoring_application"
    NAME: str = ""
    period: float | None = None
    timeout: float | None = None
    empty_windows: bool = False
    needs_labels: bool = False
    revisit: int = 0

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Remember the arguments: a registered application is made anew in other processes."""
        made = super().__new__(cls)
        made.__dict__["_given"] = (args, kwargs)
        return made

    @abstractmethod
    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        """Look at a window.

        Args:
            monitoring_context: The window's events and statistics, the endpoint, a logger.

        Returns:
            A result, a metric, a list of them, a dict of metrics by name, or None.
        """

    def do(
        self, monitoring_context: MonitoringApplicationContext
    ) -> tuple[list[Any], MonitoringApplicationContext]:
        """Call `do_tracking`, in its newer or older signature; its results as a list.

        Raises:
            InvalidArgumentError: if it gives something else than results.
        """
        if _is_old(type(self)):
            given = _call_old(self, monitoring_context)
        else:
            given = self.do_tracking(monitoring_context)
        return as_results(given, monitoring_context.application_name), monitoring_context

    def to_dict(self) -> dict[str, Any]:
        """Class and arguments, as a definition names them."""
        cls = type(self)
        return {
            "class_name": f"{cls.__module__}.{cls.__qualname__}",
            "class_args": given_arguments(self),
        }

    @classmethod
    def evaluate(
        cls, func_path: str | None = None, func_name: str | None = None, **how: Any
    ) -> Any:
        """Run the application now on data or past windows; see `evaluating.evaluate`."""
        target = resolve("mlrun_like.monitoring.applications.evaluating:evaluate")
        return target(cls, func_path, func_name, **how)

    @classmethod
    def deploy(
        cls, func_name: str, func_path: str | None = None, image: str | None = None,
        handler: str | None = None, with_repo: bool | None = False, tag: str | None = None,
        requirements: Any = None, requirements_file: str = "", **application_kwargs: Any,
    ) -> Any:  # fmt: skip
        """Register the application in the current project.

        Args:
            func_name: Its name.
            func_path: File of its code; None: the class itself, found by its module.
            image: Not needed: applications run in the monitoring service.
            handler: As `image`.
            with_repo: As `image`.
            tag: As `image`.
            requirements: As `image`.
            requirements_file: As `image`.
            application_kwargs: Arguments of the class.
        """
        target = resolve("mlrun_like.monitoring.applications.registering:register_application")
        application = f"{func_path}:{cls.__name__}" if func_path else cls
        return target("", func_name, application, kwargs=application_kwargs)


ModelMonitoringApplicationBaseV2 = ModelMonitoringApplicationBase


def given_arguments(application: ModelMonitoringApplicationBase) -> dict[str, Any]:
    """The arguments that an application was made with, by name.

    Raises:
        InvalidArgumentError: if one is given by position and has no name.
    """
    args, kwargs = application.__dict__.get("_given", ((), {}))
    names = [
        one.name
        for one in inspect.signature(type(application)).parameters.values()
        if one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    if len(args) > len(names):
        raise InvalidArgumentError(
            f"{type(application).__name__} was made with {len(args)} positional arguments, "
            "of which some have no name",
            fix="give arguments by name",
        )
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _parameters(cls: type) -> list[str]:
    signature = inspect.signature(cls.do_tracking)  # type: ignore[attr-defined]
    return [name for name in signature.parameters if name != "self"]


def _is_old(cls: type) -> bool:
    """Whether `do_tracking` takes MLRun's older nine arguments."""
    found = cls.__dict__.get("_old_signature")
    if found is None:
        names = _parameters(cls)
        found = bool(names) and names[0] not in _FIRST and names[0] in _OLD_SIGNATURE
        cls._old_signature = found  # type: ignore[attr-defined]
    return bool(found)


def _call_old(application: Any, context: MonitoringApplicationContext) -> Any:
    wanted = _parameters(type(application))
    application.context = context
    values: dict[str, Any] = {}
    for name in wanted:
        if name not in _OLD_SIGNATURE:
            continue
        value = getattr(context, name)
        # the older form gives histograms as tables
        values[name] = (
            context.dict_to_histogram(value)
            if name in ("sample_df_stats", "feature_stats")
            else value
        )
    return application.do_tracking(**values)
