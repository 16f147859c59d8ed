"""Routers that turn entities into features: requests name users, models get their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.registry import resolve
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import Event
from mlrun_like.serving.models.router import ModelRouter
from mlrun_like.serving.models.routing import BaseModelRouter
from mlrun_like.serving.models.voting import VotingEnsemble

__all__ = ["EnrichmentModelRouter", "EnrichmentVotingEnsemble"]

_SERVICE = "mlrun_like.feature_store.online.api:get_online_feature_service"


class _Enriching(BaseModelRouter):
    """What both have in common: the service, and inputs that become vectors."""

    feature_vector_uri: str
    impute_policy: Mapping[str, Any] | None
    service: Any = None

    def post_init(self, mode: str = "sync", **values: Any) -> None:
        """Open the feature service, so that mistakes show before the first request.

        Raises:
            InvalidArgumentError: if there is no `feature_vector_uri`.
            NotFoundError: if there is no such vector.
        """
        if not self.feature_vector_uri:
            raise InvalidArgumentError(
                "an enrichment router needs the vector that inputs are enriched with",
                where=f"router {self.name!r}",
                fix='feature_vector_uri="store://feature-vectors/<project>/<name>"',
            )
        policy = self.impute_policy or None
        self.service = resolve(_SERVICE)(self.feature_vector_uri, impute_policy=policy)
        super().post_init(mode, **values)

    def do_event(self, event: Event) -> Event:
        """Answer one event; event loops call it in a thread, as the store may let it wait."""
        return super().do_event(event)

    def parse_event(self, event: Event) -> Any:
        """The request, its inputs replaced by the feature vectors of the entities they name.

        Raises:
            InvalidArgumentError: if an input lacks an entity.
            NotFoundError: if an entity has no features at all.
        """
        body = super().parse_event(event)
        if not isinstance(body, dict) or not isinstance(body.get(self.inputs_key), list):
            return body
        inputs = body[self.inputs_key]
        vectors = self.service.get(inputs, as_list=True)
        for place, vector in enumerate(vectors):
            if vector is None:
                raise NotFoundError(
                    f"input {place} has no features: {inputs[place]!r:.120}",
                    where=f"router {self.name!r}, vector {self.feature_vector_uri}",
                    fix="ingest the entity, or ask for one that is known",
                )
        return {**body, self.inputs_key: vectors}

    def close(self) -> None:
        """Close the routes' objects and the feature service."""
        super().close()
        if self.service is not None:
            self.service.close()


class EnrichmentModelRouter(_Enriching, ModelRouter):
    """ModelRouter whose requests name entities: `{"inputs": [{"user": "ann"}]}`.

    Each input, a dictionary or list of entities, is replaced by the vector's values in its order.

    Args:
        context: The server's context (injected).
        name: The step's name (injected).
        routes: The routes by name (injected).
        protocol: As for every router.
        url_prefix: As for every router.
        health_prefix: As for every router.
        feature_vector_uri: The feature vector, `store://feature-vectors/<project>/<name>`.
        impute_policy: What stands for missing values: `{"*": "$mean", "age": 33}`.
        class_args: As for every router.
    """

    def __init__(
        self,
        context: GraphContext | None = None,
        name: str = "",
        routes: Mapping[str, Route] | None = None,
        protocol: str = "",
        url_prefix: str = "",
        health_prefix: str = "",
        feature_vector_uri: str = "",
        impute_policy: Mapping[str, Any] | None = None,
        **class_args: Any,
    ) -> None:
        super().__init__(context, name, routes, protocol, url_prefix, health_prefix, **class_args)
        self.feature_vector_uri = feature_vector_uri
        self.impute_policy = impute_policy


class EnrichmentVotingEnsemble(_Enriching, VotingEnsemble):
    """VotingEnsemble whose requests name entities, as those of EnrichmentModelRouter do.

    Args:
        context: The server's context (injected).
        name: The ensemble's name (injected).
        routes: The models by name (injected).
        protocol: As for every router.
        url_prefix: As for every router.
        health_prefix: As for every router.
        vote_type: As for VotingEnsemble.
        executor_type: As for VotingEnsemble.
        prediction_col_name: As for VotingEnsemble.
        feature_vector_uri: The feature vector, `store://feature-vectors/<project>/<name>`.
        impute_policy: What stands for missing values: `{"*": "$mean", "age": 33}`.
        class_args: Further arguments of VotingEnsemble.
    """

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        context: GraphContext | None = None,
        name: str = "",
        routes: Mapping[str, Route] | None = None,
        protocol: str = "",
        url_prefix: str = "",
        health_prefix: str = "",
        vote_type: str | None = None,
        executor_type: str = "thread",
        prediction_col_name: str = "prediction",
        feature_vector_uri: str = "",
        impute_policy: Mapping[str, Any] | None = None,
        **class_args: Any,
    ) -> None:
        super().__init__(
            context, name, routes, protocol, url_prefix, health_prefix, vote_type,
            executor_type=executor_type, prediction_col_name=prediction_col_name, **class_args,
        )  # fmt: skip
        self.feature_vector_uri = feature_vector_uri
        self.impute_policy = impute_policy
