"""`PackagersManager`: packers outside of a run; what they give is kept for the caller to log."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like.artifacts import typehints
from mlrun_like.artifacts.packager import Packager
from mlrun_like.artifacts.packer import DefaultPackager
from mlrun_like.artifacts.workspace import Workspace, using
from mlrun_like.compat.adapted.packagers.errors import (
    MLRunPackageCollectionError,
    MLRunPackagePackingError,
    MLRunPackageUnpackingError,
)
from mlrun_like.compat.adapted.packagers.log_hints import LogHint
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError

__all__ = ["LoggedArtifact", "PackagersManager"]

_COLLECTIONS = (list, tuple, set, frozenset)


class LoggedArtifact(tuple[Any, dict[str, Any]]):
    """An artifact and the arguments to log it with; its attributes are the artifact's."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self[0], name)


class PackagersManager:
    """Collects packagers, packs values and unpacks inputs with them.

    Args:
        default_packager: What is used when none of them fits.
    """

    def __init__(self, default_packager: type[Packager] | None = None) -> None:
        self._default_packager = (default_packager or DefaultPackager)()
        self._packagers: list[Packager] = []
        self._artifacts: list[LoggedArtifact] = []
        self._results: dict[str, Any] = {}
        self._workspace = Workspace()

    @property
    def artifacts(self) -> list[LoggedArtifact]:
        """The artifacts that were packed, each with the arguments to log it."""
        return self._artifacts

    @property
    def results(self) -> dict[str, Any]:
        """The results that were packed."""
        return self._results

    def collect_packagers(
        self, packagers: Iterable[type[Packager] | str], default_priority: int = 5
    ) -> None:
        """Add packagers; a later one goes before an earlier one of the same priority.

        Args:
            packagers: Classes, their dotted paths, or `"module.*"`.
            default_priority: The priority of those that have none.

        Raises:
            MLRunPackageCollectionError: if one does not exist or is no packager.
        """
        for asked in packagers:
            for cls in _classes(asked):
                if not (isinstance(cls, type) and issubclass(cls, Packager)):
                    raise MLRunPackageCollectionError(
                        f"The packager '{getattr(cls, '__name__', cls)}' could not be collected as "
                        "it is not a `mlrun.Packager`"
                    )
                packager = cls()
                if packager.priority is ...:
                    own = packager.PRIORITY
                    packager.priority = default_priority if own is ... else own
                self._packagers.insert(0, packager)
        self._packagers.sort(key=lambda one: int(one.priority))

    def pack(self, obj: Any, log_hint: Any) -> Any:
        """Pack a value; with `*` in the hint's key, each of its items.

        Args:
            obj: The value.
            log_hint: A `LogHint`, or a dict or text that stands for one.

        Returns:
            The artifact or the results; a list of them for items.

        Raises:
            InvalidArgumentError: if the key's prefix does not fit the value.
            MLRunPackagePackingError: if no packager packs it.
        """
        if isinstance(log_hint, Mapping) and "*" in str(log_hint.get("key", "")):
            return self._pack_older(obj, dict(log_hint))
        hint = LogHint.parse_obj(log_hint)
        if hint.itemized:
            return self._pack_items(obj, hint, hint.itemized)
        return self._pack(obj, hint)

    def _pack_older(self, obj: Any, hint: dict[str, Any]) -> list[Any]:
        """The hints of older versions: one level, and the prefix is the key's whole begin."""
        key = str(hint["key"])
        mapping = key.startswith("**")
        wanted = (dict,) if mapping else (*_COLLECTIONS, dict)
        if not isinstance(obj, wanted):
            kind, sign = ("a dictionary", "**") if mapping else ("an iterable", "*")
            raise InvalidArgumentError(
                f"The log hint key '{key}' has {kind} unpacking prefix ('{sign}') to log each of "
                f"its items, but the value is a {type(obj).__name__}"
            )
        prefix = key.lstrip("*").strip()
        items = obj.items() if mapping and isinstance(obj, dict) else enumerate(obj)
        return [
            self._pack(item, LogHint.parse_obj({**hint, "key": f"{prefix}{name}"}))
            for name, item in items
        ]

    def _pack_items(self, obj: Any, hint: LogHint, levels: bool | int) -> list[Any]:
        if not levels or not isinstance(obj, (*_COLLECTIONS, dict)):
            return [self._pack(obj, hint)]
        packed: list[Any] = []
        for name, item in obj.items() if isinstance(obj, dict) else enumerate(obj):
            inner = hint.copy()
            inner.key = f"{hint.key}_{name}"
            packed += self._pack_items(item, inner, levels if levels is True else levels - 1)
        return packed

    def _pack(self, obj: Any, hint: LogHint) -> Any:
        options, kind = hint.packing_kwargs or {}, hint.artifact_type
        every = [*self._packagers, self._default_packager]
        packager = next((one for one in every if one.is_packable(obj, kind, options)), None)
        if packager is None:
            raise MLRunPackagePackingError(
                f"No packager was found for the combination of 'object_type="
                f"{self._get_type_name(type(obj))}' and 'artifact_type={kind}'"
            )
        try:
            with using(self._workspace):
                packed = packager.pack(obj, hint.key, kind, options)
        except Exception as exc:
            raise MLRunPackagePackingError(
                f"An exception was raised during the packing of '{hint.key}': {exc}"
            ) from exc
        if isinstance(packed, Mapping):
            self._results.update(packed)
            return packed
        artifact, instructions = packed
        arguments = {"artifact_path": hint.artifact_path} if hint.artifact_path else {}
        spec = getattr(artifact, "spec", None)
        if spec is not None:
            spec.unpackaging_instructions = {
                "packager_name": type(packager).__name__,
                "object_type": self._get_type_name(type(obj)),
                "artifact_type": kind or packager.get_default_packing_artifact_type(obj),
                "instructions": instructions,
            }
            for name in ("extra_data", "metrics"):
                if getattr(hint, name) and hasattr(spec, name):
                    setattr(spec, name, getattr(hint, name))
        self._artifacts.append(LoggedArtifact((artifact, arguments)))
        return artifact

    def unpack(self, data_item: Any, type_hint: Any) -> Any:
        """An input as its type hint says; without a hint, or for `DataItem`, the input itself.

        Raises:
            MLRunPackageUnpackingError: if no packager reads it as that.
        """
        if type_hint is inspect.Parameter.empty or typehints.is_data_item(type_hint):
            return data_item
        if isinstance(data_item, dict):
            return {key: self.unpack(item, type_hint) for key, item in data_item.items()}
        if isinstance(data_item, list):
            return [self.unpack(item, type_hint) for item in data_item]
        causes: list[str] = []
        tried = [one for option in typehints.options(type_hint) for one in self._for(option)]
        for packager in [*tried, self._default_packager]:
            try:
                return packager.unpack(data_item, None, {})
            except Exception as exc:  # noqa: BLE001 - packagers are plug-ins and may raise anything
                cause = exc.what if isinstance(exc, MLRunLikeError) else str(exc)
                causes.append(f"{type(packager).__name__}: {cause}")
        raise MLRunPackageUnpackingError(
            f"Could not unpack data item with the hinted type '{type_hint}': {'; '.join(causes)}"
        )

    def _for(self, option: Any) -> list[Packager]:
        return [one for one in self._packagers if one.is_unpackable(None, option)][:1]  # type: ignore[arg-type]

    def link_packages(
        self, additional_artifacts: Any = (), additional_results: Mapping[str, Any] | None = None
    ) -> None:
        """Put the outputs that `...` stands for into extra data and metrics.

        Args:
            additional_artifacts: Artifacts logged elsewhere, or their addresses by key.
            additional_results: Results logged elsewhere.
        """
        if isinstance(additional_artifacts, Mapping):
            found: dict[str, Any] = dict(additional_artifacts)
        else:
            found = {str(getattr(one, "key", "")): one for one in additional_artifacts}
        found.update(additional_results or {}, **self._results)
        mine = [logged[0] for logged in self._artifacts]
        found.update({str(getattr(one, "key", "")): one for one in mine})
        for artifact in mine:
            spec = getattr(artifact, "spec", None)
            for name in ("extra_data", "metrics"):
                links = getattr(spec, name, None) or {}
                for key in [key for key, link in links.items() if link is ...]:
                    links[key] = found.get(key)

    def clear_packagers_outputs(self) -> None:
        """Remove the temporary files; to be called when everything is logged."""
        self._workspace.clear()

    @staticmethod
    def _get_type_name(typ: type) -> str:
        return typehints.describe(typehints.origin(typ))

    @staticmethod
    def _get_type_from_name(type_name: str) -> Any:
        return typehints.find_type(type_name)


def _classes(asked: type[Packager] | str) -> list[Any]:
    if not isinstance(asked, str):
        return [asked]
    path, _, name = asked.rpartition(".")
    path = path or "__main__"
    try:
        module = sys.modules.get(path) or importlib.import_module(path)
    except ModuleNotFoundError as exc:
        raise MLRunPackageCollectionError(
            f"The packager '{name}' could not be collected from the module '{path}' as it cannot "
            f"be imported: {exc}"
        ) from exc
    if name == "*":
        return [
            value
            for key, value in vars(module).items()
            if not key.startswith("_")
            and isinstance(value, type)
            and issubclass(value, Packager)
            and value.__module__ == module.__name__
        ]
    if not hasattr(module, name):
        raise MLRunPackageCollectionError(
            f"The packager '{name}' could not be collected as it does not exist in the module "
            f"'{path}'"
        )
    return [getattr(module, name)]
