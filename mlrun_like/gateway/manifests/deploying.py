"""`fn.deploy(target="kubernetes")` and `fn.delete()` of what it made."""

from __future__ import annotations

import sys
from typing import Any

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.gateway.manifests.applying import delete_service, deploy_service

__all__ = ["delete_from_cluster", "deploy_to_cluster"]


def deploy_to_cluster(function: Any, **form: Any) -> str:
    """Apply a function's objects to the configured cluster and wait until its pods answer.

    Args:
        function: A function of kind nuclio, serving or application.
        form: Choices of `ServiceForm`; `watch=False`: do not wait.

    Returns:
        Its address: of its Ingress or HTTPRoute, else the one inside the cluster.

    Raises:
        InvalidArgumentError: if there is no image, or a choice cannot be used.
        EngineError: if the cluster refuses something, or the pods do not become ready, and why.
    """
    watch = bool(form.pop("watch", True))
    found = deploy_service(function, form, watch=watch, say=_say)
    document = function._doc()
    document.status = {**document.status, **found, "target": "kubernetes"}
    try:
        function.save(versioned=False)
    except StoreUnavailableError as exc:  # it is deployed all the same
        _say(f"the function's address is not saved: {exc.what}")
    return str(found["address"])


def delete_from_cluster(function: Any) -> bool:
    """Delete all that a function has in the cluster; False: it had nothing."""
    found = delete_service(function)
    function._doc().status = {}
    return found


def _say(line: str) -> None:
    sys.stdout.write(line.rstrip("\n") + "\n")
    sys.stdout.flush()
