"""RunConfig: which function does an ingestion or a join, where, and with what."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from mlrun_like.errors import InvalidArgumentError, SpecError, nearest
from mlrun_like.registry import resolve

__all__ = ["RunConfig"]

_CREATORS = "mlrun_like.functions.creators"
_GRAPH_ONLY = '"""A function whose program is its graph."""\n'
_CODE = (".py", ".ipynb")
_SECRETS = ("file", "inline", "env", "vault", "project", "kubernetes", "azure_vault")


class RunConfig:
    """How a job or service of the feature store is run.

    Args:
        function: A function, a `.py` or `.ipynb` file, or the URI of a function (`hub://...`,
            `db://...`); None: one without code of the user's.
        local: Run it in this process, or as a mock service.
        image: The container image.
        kind: Where it runs: local, process, job, spark, dask, serving, ...
        handler: The function in the code that is called.
        parameters: Parameters of the run.
        watch: Wait for the end, with the log; the default.
        owner: Whom the run belongs to.
        credentials: Credentials of the function's metadata, as MLRun has them; not used here.
        code: Source code, instead of a file.
        requirements: Package requirements: a list, or the path of a file of them.
        extra_spec: More fields of the function's spec.
        auth_info: MLRun's argument; not used here.

    >>> config = RunConfig(kind="job", image="python:3.11").with_secret("env", "A,B")
    >>> config.watch, config.secret_sources
    (True, [{'kind': 'env', 'source': 'A,B'}])
    """

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        function: Any = None,
        local: bool | None = None,
        image: str | None = None,
        kind: str | None = None,
        handler: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        watch: bool | None = None,
        owner: str | None = None,
        credentials: Any = None,
        code: str | None = None,
        requirements: str | Sequence[str] | None = None,
        extra_spec: Mapping[str, Any] | None = None,
        auth_info: Any = None,
    ) -> None:
        self._function: Any = None
        self._modifiers: list[Callable[[Any], Any]] = []
        self.secret_sources: list[dict[str, Any]] = []
        self.function = function
        self.local = local
        self.image = image
        self.kind = kind
        self.handler = handler
        self.parameters = dict(parameters or {})
        self.watch = True if watch is None else watch
        self.owner = owner
        self.credentials = credentials
        self.code = code or ""
        self.requirements = requirements
        self.extra_spec = dict(extra_spec or {})
        self.auth_info = auth_info

    @property
    def function(self) -> Any:
        """The function, its file, or its URI."""
        return self._function

    @function.setter
    def function(self, function: Any) -> None:
        if isinstance(function, PurePath):
            function = str(function)
        if function and not (isinstance(function, str) or hasattr(function, "apply")):
            raise InvalidArgumentError(
                f"function must be a function, a file or a URI, not {function!r:.80}",
                fix='RunConfig("transform.py"), RunConfig(code_to_function(...))',
            )
        self._function = function

    def apply(self, modifier: Callable[[Any], Any]) -> RunConfig:
        """Change the function by a modifier, such as `mount_pvc(...)`, when it is made."""
        if not callable(modifier):
            raise InvalidArgumentError(
                f"a modifier must be callable, not {modifier!r:.80}",
                fix='run_config.apply(mount_pvc("claim", volume_mount_path="/data"))',
            )
        self._modifiers.append(modifier)
        return self

    def with_secret(self, kind: str, source: Any) -> RunConfig:
        """Let the run have secrets.

        Args:
            kind: Where they are: file, inline, env, vault, ...
            source: The file, a mapping, or names.
        """
        if kind not in _SECRETS:
            raise InvalidArgumentError(
                f"there are no secrets of kind {kind!r:.60}.{nearest(str(kind), _SECRETS)}",
                fix=f"kinds: {', '.join(_SECRETS)}",
            )
        self.secret_sources.append({"kind": kind, "source": source})
        return self

    def to_function(
        self, default_kind: str | None = None, default_image: str | None = None, name: str = ""
    ) -> Any:
        """The function; the one that was given is not changed.

        Args:
            default_kind: Its kind, if none was given.
            default_image: Its image, if it has none.
            name: Its name, if it has none.

        Raises:
            NotFoundError: if a file or URI does not exist.
            SpecError: if `extra_spec` has a field that functions do not have.
        """
        function = self._made(self.kind or default_kind or "job", name)
        if self.code:
            function.with_code(body=self.code)
        if self.requirements:
            given: dict[str, Any] = {"prepare_image_for_deploy": False}
            is_file = isinstance(self.requirements, str)
            given["requirements_file" if is_file else "requirements"] = self.requirements
            function.with_requirements(**given)
        image = self.image or function.spec.image or default_image
        if image:
            function.spec.image = image
        if self.handler and isinstance(self._function, (str, type(None))):
            function.spec.default_handler = self.handler
        for key, value in self.extra_spec.items():
            if not hasattr(function.spec, key):
                known = [name for name in vars(function.spec) if not name.startswith("_")]
                raise SpecError(
                    f"the spec of a function has no {key!r:.60}.{nearest(key, known)}",
                    where="RunConfig(extra_spec=...)",
                )
            setattr(function.spec, key, value)
        for modifier in self._modifiers:
            function.apply(modifier)
        return function

    def _made(self, kind: str, name: str) -> Any:
        function = self._function
        if function is not None and not isinstance(function, str):
            return function.copy() if hasattr(function, "copy") else copy.copy(function)
        if not function:
            made = resolve(f"{_CREATORS}:new_function")(name, kind=kind)
            # a function of a graph alone is still one that can be deployed: it has a source
            return made.with_code(body=_GRAPH_ONLY) if kind == "serving" else made
        if function.endswith(_CODE) and "://" not in function:
            make = resolve(f"{_CREATORS}:code_to_function")
            return make(name, filename=function, kind=kind, handler=self.handler or "")
        return resolve(f"{_CREATORS}:import_function")(function)

    def copy(self) -> RunConfig:
        """A copy; the function is the same one."""
        made = copy.copy(self)
        made._modifiers = list(self._modifiers)
        made.secret_sources = [dict(item) for item in self.secret_sources]
        made.parameters = dict(self.parameters)
        made.extra_spec = dict(self.extra_spec)
        return made
