"""Function: a Python function, file or document that can be run, packaged and recorded.

This module stays light: declaring a function loads neither pydantic nor the store. What needs them
is reached through `registry.resolve` when it is used.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, TypeVar, cast

from mlrun_like.functions.building import Building
from mlrun_like.functions.checking import Checking
from mlrun_like.functions.editing import Editing
from mlrun_like.functions.older_steps import OlderSteps
from mlrun_like.functions.pickling import reduce_function, restore_function, twin_of
from mlrun_like.functions.pod_editing import PodEditing
from mlrun_like.functions.starting import Starting
from mlrun_like.functions.tracing import TRACER
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec

__all__ = ["Function"]

P = ParamSpec("P")
R = TypeVar("R")


class Function(Starting, Building, Editing, PodEditing, OlderSteps, Checking, Generic[P, R]):
    """What `@function(...)`, `code_to_function` and `import_function` give.

    Calling it runs the plain body. `.run()` executes and records it, `.spec` and `.metadata` are
    its document's parts, `.export()` writes `function.yaml`, `.save()` puts it into the store.

    Args:
        handler: The live callable; None for functions that exist as a document only.
        options: What the decorator was given; see `functions.decorators.function`.
        document: The document, for functions read from a file or store.
    """

    captures: ClassVar[tuple[str, ...]] = ()
    """Names of the handler's module that travel with it though it does not use them."""
    __name__: str
    __qualname__: str

    def __init__(
        self,
        handler: Callable[P, R] | None,
        options: Mapping[str, Any] | None = None,
        document: FunctionDoc | None = None,
    ) -> None:
        self._handler = handler
        self._options = dict(options or {})
        self._document = document
        self._lock = threading.RLock()
        self._loaded: tuple[tuple[str, str], Callable[P, R]] | None = None
        if handler is not None:
            functools.update_wrapper(self, handler)
            mark = getattr(inspect, "markcoroutinefunction", None)
            if mark is not None and inspect.iscoroutinefunction(handler):
                mark(self)

    # -- still a function -----------------------------------------------------------------

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        tracer = TRACER.get()
        if tracer is not None:
            return cast(R, tracer.record(self, args, kwargs, {}))
        handler = self._load() if self._handler is None else self._handler
        return handler(*args, **kwargs)

    def _load(self) -> Callable[P, R]:
        """The callable that the document describes."""
        document = self._doc()
        mark = (document.spec.build.functionSourceCode, document.spec.default_handler)
        if self._loaded is None or self._loaded[0] != mark:
            find = resolve("mlrun_like.packaging.loader:resolve_handler")
            self._loaded = (mark, find(document))
        return self._loaded[1]

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None or self._handler is None:
            return self
        return self._handler.__get__(instance, owner)

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._handler is None:
            return resolve("mlrun_like.functions.documents:from_document"), (self.to_dict(),)
        return reduce_function(self, protocol)

    def __setstate__(self, state: tuple[Any, Any, Any]) -> None:
        restore_function(self, state)

    @functools.cached_property
    def _twin(self) -> Any:
        return twin_of(self._handler) if self._handler is not None else None

    def __repr__(self) -> str:
        return f"<function {self.name!r} of kind {self.kind!r}>"

    # -- the document ---------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The function's name."""
        return self._document.metadata.name if self._document else str(self._options["name"])

    @property
    def kind(self) -> str:
        """The runtime's name."""
        return self._document.kind if self._document else str(self._options["kind"])

    @kind.setter
    def kind(self, value: str) -> None:
        self._doc().kind = value

    @property
    def metadata(self) -> FunctionMetadata:
        """Name, project, tag, hash, labels, categories; may be assigned to."""
        return self._doc().metadata

    @property
    def spec(self) -> FunctionSpec:
        """Code, image, environment, resources, entry points; may be assigned to."""
        return self._doc().spec

    @property
    def uri(self) -> str:
        """`<project>/<name>[:<tag>][@<hash>]`."""
        return str(resolve("mlrun_like.functions.documents:uri_of")(self._doc()))

    def _doc(self) -> FunctionDoc:
        with self._lock:
            if self._document is None:
                self._document = resolve("mlrun_like.functions.documents:declare")(
                    self._handler, self._options
                )
            resolve("mlrun_like.functions.documents:refresh")(self._document, self._handler)
            return self._document

    def copy(self) -> Function[P, R]:
        """A function that can be changed without changing this one."""
        return type(self)(self._handler, self._options, self._doc().model_copy(deep=True))

    def _forget_handler(self) -> None:
        self._handler = None

    def to_dict(self) -> dict[str, Any]:
        """The document in MLRun's `function.yaml` layout."""
        return self._doc().to_dict()

    def to_yaml(self) -> str:
        """The document as YAML text."""
        return str(resolve("mlrun_like.functions.documents:to_yaml")(self._doc()))

    def export(
        self, target: str = "function.yaml", format: str = "", strip: bool = True
    ) -> Function[P, R]:
        """Write the document to a file.

        Args:
            target: Path or URL; a folder gets a `function.yaml`.
            format: `.yaml` or `.json`; by default the target's suffix.
            strip: Leave out the status.

        Raises:
            PackagingError: if the source cannot be captured.
        """
        resolve("mlrun_like.functions.documents:export")(self._doc(), target, format, strip)
        return self

    def save(self, tag: str = "", versioned: bool = True) -> str:
        """Put the function into the store.

        Args:
            tag: A tag besides `latest`.
            versioned: Return a URI that names this very version.

        Returns:
            `<project>/<name>[@<hash>][:<tag>]`.
        """
        return str(resolve("mlrun_like.functions.documents:save")(self._doc(), tag, versioned))

    def doc(self) -> None:
        """Print the entry points with their parameters."""
        resolve("mlrun_like.functions.documents:print_doc")(self._doc())
