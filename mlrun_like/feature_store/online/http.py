"""Feature vectors over HTTP: a step of serving graphs, and the function that has only it.

    POST /  {"entities": [{"user": "ann"}], "as_list": false}  ->  {"vectors": [{...}]}
    GET  /                                                      ->  what the vector has and needs

A mistake in the request is answered with its status and `{"error": {"what": ..., "fix": ...}}`.
Entities whose stored rows are damaged have null as vector and an entry in `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.feature_store.online.api import get_online_feature_service
from mlrun_like.feature_store.online.codec import json_plain
from mlrun_like.feature_store.online.reading import Damage
from mlrun_like.registry import resolve
from mlrun_like.serving.codec import decode_request
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.protocol import Step

__all__ = ["OnlineFeatures", "feature_service_function"]

_KEYS = ("entities", "as_list", "at")


class OnlineFeatures(Step):
    """Answers events with the feature vectors of the entities that they name.

    Args:
        feature_vector_uri: The feature vector, `store://feature-vectors/<project>/<name>`.
        impute_policy: What stands for missing values: `{"*": "$mean", "age": 33}`.
        entity_keys: The entities that requests have; by default those that no other set gives.
        log: A folder or `.jsonl` file to which each vector is appended.
        max_entities: The most entities of one request.
        context: The server's context (injected).
        name: The step's name (injected).
    """

    blocking: ClassVar[bool] = True  # the store may let it wait

    def __init__(
        self,
        feature_vector_uri: Any = "",
        impute_policy: Mapping[str, Any] | None = None,
        entity_keys: Sequence[str] | None = None,
        log: str | None = None,
        max_entities: int = 10_000,
        context: GraphContext | None = None,
        name: str = "",
    ) -> None:
        del context
        self.name = name
        self.max_entities = max_entities
        self.service = get_online_feature_service(
            feature_vector_uri, impute_policy=impute_policy, entity_keys=entity_keys, log=log
        )

    def do_event(self, event: Event) -> Event:
        """Answer one event."""
        try:
            event.body = self._answer(event)
        except MLRunLikeError as exc:
            event.body = Response({"error": exc.to_dict()}, exc.status)
        return event

    def close(self) -> None:
        """Close the service."""
        self.service.close()

    def _answer(self, event: Event) -> Any:
        body = event.body
        if event.method == "GET" or not body:
            return self.service.describe()
        if isinstance(body, (bytes, str)):
            body = decode_request(body, event.content_type)
        if isinstance(body, list):
            body = {"entities": body}
        unknown = [key for key in body if key not in _KEYS] if isinstance(body, dict) else []
        if not isinstance(body, dict) or "entities" not in body or unknown:
            raise InvalidArgumentError(
                f"the request has the unknown field {unknown[0]!r:.60}"
                if unknown
                else "the request names no entities",
                where=f"feature vector {self.service.vector.metadata.name!r}",
                fix='send {"entities": [{...}], "as_list": false}',
            )
        entities = body["entities"]
        if isinstance(entities, list) and len(entities) > self.max_entities:
            raise InvalidArgumentError(
                f"{len(entities)} entities are more than the {self.max_entities} of one request",
                fix="send them in parts",
            )
        found = self.service.read(entities, bool(body.get("as_list")), body.get("at"))
        errors = [
            {"index": index, **vector.error.to_dict()}
            for index, vector in enumerate(found)
            if type(vector) is Damage
        ]
        vectors = [None if type(vector) is Damage else json_plain(vector) for vector in found]
        return {"vectors": vectors, "errors": errors} if errors else {"vectors": vectors}


def feature_service_function(
    feature_vector_uri: str, name: str = "", project: str = "", **arguments: Any
) -> Any:
    """A serving function that answers with the vectors of a feature vector, ready to deploy.

    Args:
        feature_vector_uri: The vector's URI.
        name: The function's name; by default `<vector>-features`.
        project: Its project.
        arguments: Further arguments of `OnlineFeatures`.
    """
    vector = feature_vector_uri.rstrip("/").rpartition("/")[2].partition(":")[0]
    made = resolve("mlrun_like.functions.creators:new_function")(
        name or f"{vector}-features", project=project, kind="serving"
    )
    graph = made.set_topology("flow", engine="async")
    arguments["feature_vector_uri"] = feature_vector_uri
    graph.to("OnlineFeatures", "features", **arguments).respond()
    return made
