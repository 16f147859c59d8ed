"""Functions that Nuclio runs, and any function as a Nuclio project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mlrun_like.functions.function import Function
from mlrun_like.functions.nuclio_deploying import NuclioDeploying
from mlrun_like.functions.nuclio_editing import NuclioEditing
from mlrun_like.functions.service_manifests import ServiceManifesting
from mlrun_like.registry import resolve
from mlrun_like.runtimes.finding import Finding

if TYPE_CHECKING:
    from mlrun_like.specs.function import FunctionDoc

__all__ = ["NuclioFunction", "export_nuclio", "to_nuclio"]

_CHECKS = "mlrun_like.runtimes.nuclio.checks"
_PROJECT = "mlrun_like.runtimes.nuclio.project"


# Nuclio builds by itself: deploying and archives have MLRun's other signatures here.
class NuclioFunction(  # type: ignore[misc]
    NuclioEditing, NuclioDeploying, ServiceManifesting, Function[..., Any]
):
    """What `@function(kind="nuclio")`, `new_function(kind="nuclio")` and the others give.

    >>> import mlrun_like as ml
    >>> fn = ml.new_function("hello", project="shop", kind="nuclio")
    >>> code = "def handler(context, event): return 'hello ' + event.body.decode()"
    >>> fn.with_code(body=code).to_nuclio()["spec"]["handler"]
    'handler:handler'
    >>> fn.to_mock_server().test(body="you")
    'hello you'
    """

    captures: ClassVar[tuple[str, ...]] = ("init_context",)
    _told_handler: tuple[tuple[str, str], str] = (("", ""), "")

    def _doc(self) -> FunctionDoc:
        """The document, with the handler as Nuclio names it in `spec.function_handler`."""
        document = super()._doc()
        spec = document.spec
        mark = (spec.build.functionSourceCode, spec.default_handler)
        if mark[0] and spec.function_handler in ("", self._told_handler[1]):
            if mark != self._told_handler[0]:
                spec.function_handler = ""
                named = resolve("mlrun_like.runtimes.nuclio.source:handler_of")(document)
                self._told_handler = (mark, named)
            spec.function_handler = self._told_handler[1]
        return document

    # Exporting -------------------------------------------------------------------------------

    def to_nuclio(self) -> dict[str, Any]:
        """Nuclio's configuration of the function (`function.yaml` of a Nuclio project).

        Raises:
            PreflightError: naming everything that is wrong.
        """
        return self.nuclio_parts()[""][0]

    def nuclio_parts(
        self, builder_env: Mapping[str, Any] | None = None
    ) -> dict[str, tuple[dict[str, Any], Any]]:
        """Configuration and code of the function (`""`) and of each of its child functions.

        Args:
            builder_env: Credentials for code that Nuclio fetches (`with_source_archive`).

        Raises:
            PreflightError: naming everything that is wrong.
        """
        document = _document(self)
        values = self._nuclio_values()
        checked = resolve(f"{_CHECKS}:checked_config")
        return {"": checked(document, also=self._findings(), builder_env=builder_env, **values)}

    def export_nuclio(self, target: str | Path) -> str:
        """Write a Nuclio project: a folder with `function.yaml` and the code, or a `.zip` of it.

        Args:
            target: A folder, or the name of an archive.

        Returns:
            The target.

        Raises:
            PreflightError: naming everything that is wrong.
            PackagingError: if it cannot be written.
        """
        files = resolve(f"{_PROJECT}:files_of_project")(self.nuclio_parts())
        kind = "write_archive" if str(target).endswith(".zip") else "write_project"
        return str(resolve(f"{_PROJECT}:{kind}")(files, target))

    def _nuclio_values(self) -> dict[str, Any]:
        """What this kind gives `build_config` besides the document."""
        return {}

    def _findings(self) -> Iterator[Finding]:
        """What is wrong that only this kind knows."""
        yield from ()

    # Calling it here -------------------------------------------------------------------------

    def to_mock_server(
        self,
        namespace: Any = None,
        current_function: str = "*",
        track_models: bool = False,
        workdir: str | None = None,
        **parameters: Any,
    ) -> Any:
        """A server in this process that answers as the deployed function does: `.test(path, body)`.

        Args:
            namespace: Not used by handlers.
            current_function: Not used by handlers.
            track_models: Not used by handlers.
            workdir: Not used by handlers.
            parameters: Not used by handlers.

        Raises:
            PackagingError: if the handler is not in the code.
        """
        return resolve("mlrun_like.functions.nuclio_mocking:mock_server_of")(self)


def _document(function: Function[..., Any]) -> Any:
    document = function._doc()
    resolve("mlrun_like.functions.documents:require_code")(document)
    return document


def to_nuclio(function: Function[..., Any]) -> dict[str, tuple[dict[str, Any], Any]]:
    """Configuration and code of any function: a handler, a graph, or a job that runs on request.

    Raises:
        PreflightError: naming everything that is wrong.
    """
    if isinstance(function, NuclioFunction):
        return function.nuclio_parts()
    return {"": resolve(f"{_CHECKS}:checked_config")(_document(function))}


def export_nuclio(function: Function[..., Any], target: str | Path) -> str:
    """`fn.export_nuclio(target)` for a function of any kind."""
    files = resolve(f"{_PROJECT}:files_of_project")(to_nuclio(function))
    kind = "write_archive" if str(target).endswith(".zip") else "write_project"
    return str(resolve(f"{_PROJECT}:{kind}")(files, target))
