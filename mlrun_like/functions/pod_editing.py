"""What a user can ask of the pod of a function, with MLRun's names; each returns the function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, InvalidArgumentError, InvalidTypeError, nearest
from mlrun_like.functions.manifesting import Manifesting
from mlrun_like.registry import resolve
from mlrun_like.specs.durations import check_thresholds
from mlrun_like.specs.pod_checks import (
    PULL_POLICIES,
    check_affinity,
    check_annotations,
    check_choice,
    check_count,
    check_name,
    check_node_selector,
    check_quantity,
    check_security_context,
    check_tolerations,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["PREEMPTION_MODES", "PodEditing", "amounts"]

PREEMPTION_MODES = ("allow", "constrain", "prevent", "none")


class PodEditing(Manifesting):
    """Resources, nodes, rights, images, volumes and time limits of a function's pod."""

    def with_limits(
        self,
        mem: str | int | None = None,
        cpu: str | float | None = None,
        gpus: int | None = None,
        gpu_type: str = "nvidia.com/gpu",
        patch: bool = False,
    ) -> Self:
        """Set what a run may use at most.

        Args:
            mem: Memory, such as `"2Gi"`.
            cpu: Cores, such as `2` or `"500m"`.
            gpus: Number of accelerators.
            gpu_type: Their resource name.
            patch: Change only what is given; else all limits are replaced.

        Raises:
            InvalidArgumentError: if a quantity is malformed.
        """
        return self._resources("limits", amounts(mem, cpu, gpus, gpu_type), patch)

    def with_requests(
        self,
        mem: str | int | None = None,
        cpu: str | float | None = None,
        patch: bool = False,
    ) -> Self:
        """Set what a run needs at least, by which its node is chosen.

        Args:
            mem: Memory, such as `"1Gi"`.
            cpu: Cores, such as `1` or `"250m"`.
            patch: Change only what is given; else all requests are replaced.

        Raises:
            InvalidArgumentError: if a quantity is malformed.
        """
        return self._resources("requests", amounts(mem, cpu), patch)

    def _resources(self, kind: str, rows: Mapping[str, Any], patch: bool, part: str = "") -> Self:
        """Set requests or limits of the pod, or of those of one part of the kind's engine."""
        spec, field = self._doc().spec, f"{part}_resources" if part else "resources"
        before: dict[str, Any] = getattr(spec, field)
        kept = (before.get(kind) or {}) if patch else {}
        found = {**before, kind: {**kept, **rows}}
        self._check_resources(found)
        setattr(spec, field, {name: values for name, values in found.items() if values})
        return self

    def _check_resources(self, resources: Mapping[str, Any]) -> None:
        """A kind's engine may refuse some."""

    def _not_for(self, method: str, instead: str) -> FunctionError:
        document = self._doc()
        return FunctionError(
            f"{method} is not for kind {document.kind!r}",
            where=f"function {document.metadata.name!r}",
            fix=f"use {instead}",
        )

    def with_node_selection(
        self,
        node_name: str | None = None,
        node_selector: Mapping[str, str] | None = None,
        affinity: Any = None,
        tolerations: Sequence[Any] | None = None,
    ) -> Self:
        """Say which nodes a run may use.

        Args:
            node_name: This node and no other.
            node_selector: Labels that a node must have; an empty value takes a default away.
            affinity: `V1Affinity`, or the same as plain data.
            tolerations: `V1Toleration`s, or the same as plain data; an empty list: none.

        Raises:
            InvalidArgumentError: if one of them is not what Kubernetes takes.
        """
        spec = self._doc().spec
        if node_name:
            spec.node_name = check_name("node_name", node_name)
        if node_selector:
            spec.node_selector = dict(check_node_selector(node_selector))
        if affinity:
            spec.affinity = check_affinity(affinity)
        if tolerations is not None:
            spec.tolerations = check_tolerations(tolerations)
        return self

    def with_preemption_mode(self, mode: Any) -> Self:
        """Say whether a run may use preemptible nodes, which the settings describe.

        Args:
            mode: `allow`; `constrain`: only these; `prevent`: never these; `none`: change nothing.

        Raises:
            InvalidArgumentError: if there is no such mode.
        """
        self._doc().spec.preemption_mode = check_choice("preemption mode", mode, PREEMPTION_MODES)
        return self

    def with_priority_class(self, name: str | None = None) -> Self:
        """Set the priority class.

        Args:
            name: Its name; None: the setting `default_function_priority_class_name`.

        Raises:
            InvalidArgumentError: if the setting `valid_function_priority_class_names` has it not.
        """
        chosen = config.default_function_priority_class_name if name is None else name
        valid = self.list_valid_priority_class_names()
        if chosen and valid and chosen not in valid:
            raise InvalidArgumentError(
                f"priority class {chosen!r} may not be used.{nearest(chosen, valid)}",
                where="setting 'valid_function_priority_class_names'",
                fix=f"one of: {', '.join(valid)}",
            )
        self._doc().spec.priority_class_name = (
            check_name("priority class", chosen) if chosen else ""
        )
        return self

    def list_valid_priority_class_names(self) -> list[str]:
        """The priority classes that functions may name; empty: any."""
        text = str(config.valid_function_priority_class_names)
        return [name.strip() for name in text.split(",") if name.strip()]

    def get_default_priority_class_name(self) -> str:
        """The priority class of functions that name none."""
        return str(config.default_function_priority_class_name)

    def with_security_context(self, security_context: Any) -> Self:
        """Set the rights of the pod and its container.

        Args:
            security_context: `V1SecurityContext`, or the same as plain data; it replaces the
                default (setting `pod_security`).

        Raises:
            InvalidArgumentError: if it has an unknown key, or contradicts itself.
        """
        self._doc().spec.security_context = check_security_context(security_context)
        return self

    def set_image_pull_configuration(
        self,
        image_pull_policy: str | None = None,
        image_pull_secret_name: str | None = None,
    ) -> Self:
        """Say when and with which login the image is pulled.

        Args:
            image_pull_policy: `Always`, `IfNotPresent` or `Never`.
            image_pull_secret_name: A secret of type `kubernetes.io/dockerconfigjson`.

        Raises:
            InvalidArgumentError: if there is no such policy, or the name is malformed.
        """
        spec = self._doc().spec
        if image_pull_policy is not None:
            policy = check_choice("image_pull_policy", image_pull_policy, PULL_POLICIES)
            spec.image_pull_policy = policy
        if image_pull_secret_name is not None:
            spec.image_pull_secret = check_name("image_pull_secret_name", image_pull_secret_name)
        return self

    def set_state_thresholds(self, state_thresholds: Mapping[str, str], patch: bool = True) -> Self:
        """Say how long a pod may be in a state before its run is aborted.

        Args:
            state_thresholds: State -> time: `pending_scheduled`, `pending_not_scheduled`,
                `image_pull_backoff`, `executing`; `"1h"`, `"1day 20m"`; `"-1"`: no limit.
            patch: Keep the other states' times; else they have their defaults again.

        Raises:
            InvalidArgumentError: if there is no such state, or a time is under a minute.
        """
        spec, checked = self._doc().spec, check_thresholds(state_thresholds)
        spec.state_thresholds = {**(spec.state_thresholds if patch else {}), **checked}
        return self

    def with_annotations(self, annotations: Mapping[str, Any]) -> Self:
        """Add annotations to the pod; values are kept as text."""
        found = {**self._doc().metadata.annotations, **check_annotations(annotations)}
        self._doc().metadata.annotations = check_annotations(found)
        return self

    def set_env_from_secret(
        self, name: str, secret: str | None = None, secret_key: str | None = None
    ) -> Self:
        """Take an environment variable from a secret of the cluster.

        Args:
            name: The variable.
            secret: The secret's name.
            secret_key: The key in it; by default the variable's name.

        Raises:
            InvalidArgumentError: if no secret is named, or its name is malformed.
        """
        if not secret:
            raise InvalidArgumentError(
                f"variable {name!r} needs the name of a secret",
                fix=f'fn.set_env_from_secret({name!r}, secret="my-secret")',
            )
        source = {"name": check_name("secret", secret), "key": secret_key or name}
        rows = [row for row in self._doc().spec.env if row.get("name") != name]
        rows.append({"name": name, "valueFrom": {"secretKeyRef": source}})
        self._doc().spec.env = rows
        return self

    def apply(self, modify: Callable[[Any], Any]) -> Self:
        """Change the pod by a modifier, such as `mount_pvc(...)`.

        Args:
            modify: Called with the pod: it may call `add_volume`, `add_volume_mount`,
                `add_env_variable`, `add_toleration`, `add_node_selector_constraint`,
                `add_pod_label`, `add_pod_annotation` there, and all methods of the function.

        Raises:
            InvalidTypeError: if it cannot be called.
        """
        if not callable(modify):
            raise InvalidTypeError(
                f"a modifier must be callable, not {modify!r}",
                fix='fn.apply(mount_pvc("claim", volume_mount_path="/data"))',
            )
        modify(resolve("mlrun_like.functions.modifiers:PodTask")(self))
        return self


def amounts(
    mem: Any = None, cpu: Any = None, gpus: Any = None, gpu_type: str = ""
) -> dict[str, Any]:
    """Resource name -> amount of what is given.

    >>> amounts("1Gi", gpus=1, gpu_type="nvidia.com/gpu")
    {'memory': '1Gi', 'nvidia.com/gpu': 1}

    Raises:
        InvalidArgumentError: if a quantity is malformed.
    """
    given = {"memory": ("mem", mem), "cpu": ("cpu", cpu)}
    rows: dict[str, Any] = {
        resource: check_quantity(argument, value)
        for resource, (argument, value) in given.items()
        if value is not None
    }
    return rows if gpus is None else {**rows, gpu_type: check_count("gpus", gpus)}
