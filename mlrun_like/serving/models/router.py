"""ModelRouter: each request goes to one of several models."""

from __future__ import annotations

from mlrun_like.serving.event import Event
from mlrun_like.serving.models.address import Address
from mlrun_like.serving.models.calling import Calls, given
from mlrun_like.serving.models.routing import BaseModelRouter
from mlrun_like.serving.models.work import Work

__all__ = ["ModelRouter"]


class ModelRouter(BaseModelRouter):
    """Sends each request to the model that its path or body names; arguments as for every router.

    A model of several versions that is asked for without one answers with the newest. A request
    that names no model goes to the first route.

        graph = fn.set_topology("router")
        fn.add_model("net:v1", model_path="store://models/fraud/net:v1", class_name=...)
        fn.to_mock_server().test("/v2/models/net/versions/v1/infer", body={"inputs": [[1, 2]]})
    """

    def handle(self, event: Event, place: Address) -> Work[Calls, Event]:
        """Call the one route that is meant."""
        model, operation = self.asked(event, place, next(iter(self.routes), ""))
        route = self.find(model)
        if route is None:
            raise self.unknown(model)
        event.path = _subpath(operation, place)
        (outcome,) = yield [(route, event)]
        answered = given(outcome)
        if event.method == "GET" and not operation:  # a model knows only its own version
            told, name = answered.body, route.name.partition(":")[0]
            if isinstance(told, dict) and told.get("versions"):
                told["versions"] = self.versions(name)
        return answered


def _subpath(operation: str, place: Address) -> str:
    """The path that a route sees: the operation, or the whole if the path is a dialect's."""
    if place.dialect == "sagemaker":
        return "/invocations"
    if place.dialect == "v1":
        return f"/v1/models/{place.model.partition(':')[0]}:{operation}" if operation else "/"
    return operation
