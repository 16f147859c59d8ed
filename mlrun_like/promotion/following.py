"""A served model that is always the version that holds an alias: promotions need no deployment."""

from __future__ import annotations

import threading
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError
from mlrun_like.names import parse_artifact_uri
from mlrun_like.promotion.predicting import server_class
from mlrun_like.promotion.registry import alias_holder, load_version
from mlrun_like.promotion.stages import CHAMPION
from mlrun_like.registry import resolve
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["FollowingModelServer"]

_INNER = ("trust", "method")
"""Arguments that go to the class that serves the model's framework."""


class FollowingModelServer(V2ModelServer):
    """Serves the version of a model that holds an alias, and follows the alias while it serves.

    The registry is asked now and then, by a thread of its own. When another version holds the
    alias, that one is loaded beside the one that serves, and takes over between two requests; a
    version that cannot be loaded changes nothing, and is logged. With tracking, the endpoint keeps
    its id, and its record names the new version and the statistics of its training set.

        fn.add_model("churn", class_name="mlrun_like.promotion.following.FollowingModelServer",
                     model_path="store://models/shop/churn:champion")

    Args:
        context: The server's context (injected).
        name: The step's name (injected).
        model_path: `store://models/<project>/<key>:<alias>`; without an alias: `champion`.
        refresh: Seconds between two looks at the registry.
        class_args: As for every model server; `trust` and `method` as for SKLearnModelServer.

    Raises:
        InvalidArgumentError: if the path is no address of a model, or `refresh` no number above 0.
    """

    def __init__(
        self,
        context: GraphContext | None = None,
        name: str = "",
        model_path: str = "",
        refresh: float = 5.0,
        **class_args: Any,
    ) -> None:
        super().__init__(context, name, model_path, **class_args)
        if isinstance(refresh, bool) or not isinstance(refresh, (int, float)) or not refresh > 0:
            raise InvalidArgumentError(
                f"refresh {refresh!r:.40} is no number of seconds above 0",
                where=f"model {self.name!r}",
            )
        if not self.model_path.startswith("store://models/"):
            raise InvalidArgumentError(
                f"model_path {model_path!r:.100} is no address of a model in the registry",
                where=f"model {self.name!r}",
                fix="model_path='store://models/<project>/<key>:champion'",
            )
        uri = parse_artifact_uri(self.model_path, self.context.project)
        self._project, self._key, self._alias = uri.project, uri.key, uri.tag or CHAMPION
        self._inner: V2ModelServer | None = None
        self._uid = self._refused = ""
        self._options = dict(self._params)
        self._refresh = float(refresh)
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def uid(self) -> str:
        """The version that serves now; empty: none yet."""
        return self._uid

    def load(self) -> None:
        """Load the version that holds the alias, and follow the alias from now on.

        Raises:
            NotFoundError: if nobody holds it.
        """
        self.refresh()
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._follow, name=f"follow-{self.name}", daemon=True
            )
            self._thread.start()

    def refresh(self) -> bool:
        """Look at the registry now; True if another version serves after it.

        Raises:
            NotFoundError: if nobody holds the alias.
        """
        with self._lock:
            version = alias_holder(self._project, self._key, self._alias)
            if version is None:
                raise NotFoundError(
                    f"no version of model {self._project}/{self._key} holds {self._alias!r}",
                    where=f"model {self.name!r}",
                    fix=f"mlrun-like models promote {self._key}",
                )
            if version.uid in (self._uid, self._refused):
                return False
            self._refused = version.uid  # until it is loaded: one that cannot is not tried again
            record = load_version(version)
            made: type[V2ModelServer] = _class(server_class(record))
            given = {word: self._options[word] for word in _INNER if word in self._options}
            inner = made(GraphContext(), self.name, record.uri, **given)
            inner.loading.start(inner._load)
            self._inner, self._uid, self._refused = inner, version.uid, ""
            # parameters that the version before was logged with are no longer true
            self._params = dict(self._options)
            self.model = inner.model
            self.use_record(record)
        if self.loading.ready and self.tracker is not None:
            self.tracker.ready()
        return True

    def _follow(self) -> None:
        while not self._ended.wait(self._refresh):
            try:
                if self.refresh():
                    self.context.logger.info("model %s: version %s serves", self.name, self._uid)
            except MLRunLikeError as exc:  # the version that serves goes on
                self.context.logger.warning("model %s is not renewed: %s", self.name, exc)

    def validate(self, request: dict[str, Any], operation: str) -> dict[str, Any]:
        """As the class of the model's framework does."""
        return self._served().validate(request, operation)

    def predict(self, request: dict[str, Any]) -> Any:
        """The predictions of the version that holds the alias."""
        return self._served().predict(request)

    def explain(self, request: dict[str, Any]) -> Any:
        """The explanations of the version that holds the alias."""
        return self._served().explain(request)

    def close(self) -> None:
        """End following."""
        self._ended.set()
        super().close()

    def _served(self) -> V2ModelServer:
        if self._inner is None:
            raise NotFoundError(f"model {self.name!r} is not loaded yet")
        return self._inner


def _class(path: str) -> type[V2ModelServer]:
    module, _, name = path.rpartition(".")
    found: type[V2ModelServer] = resolve(f"{module}:{name}")
    return found
