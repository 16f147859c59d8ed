"""The reading half of a context: parameters, inputs, secrets, paths."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.fingerprints import fingerprint_of
from mlrun_like.artifacts.item import DataItem, get_dataitem
from mlrun_like.artifacts.manager import expand_artifact_path
from mlrun_like.artifacts.packers import to_result
from mlrun_like.configuration import config, environment
from mlrun_like.errors import NotFoundError
from mlrun_like.runs.context_base import ContextBase
from mlrun_like.runs.job import Job
from mlrun_like.runs.secrets import find_secret

__all__ = ["ContextReading"]

_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "HOROVOD_RANK", "RANK")
"""Variables of Open MPI, MPICH, Horovod and torchrun that tell a process's rank."""


_WORKER = re.compile(r"-worker-(\d+)\Z")


class ContextReading(ContextBase):
    """What a handler may ask of its run."""

    def __init__(self, job: Job, *, ends_itself: bool = True) -> None:
        super().__init__(job, ends_itself=ends_itself)
        self._items: dict[str, DataItem] = {}

    @property
    def parameters(self) -> dict[str, Any]:
        """A copy of the parameters."""
        return copy.deepcopy(self._run.spec.parameters)

    def get_param(self, key: str, default: Any = None) -> Any:
        """A parameter; a default that is used becomes the run's parameter.

        Args:
            key: Its name.
            default: The value if it was not given.
        """
        if key in self._job.live_parameters:
            return _own_containers(self._job.live_parameters[key])
        parameters = self._run.spec.parameters
        if key not in parameters:
            parameters[key] = to_result(default)
            return default
        return copy.deepcopy(parameters[key])

    @property
    def inputs(self) -> dict[str, DataItem]:
        """The inputs as DataItems."""
        return {key: self.get_input(key) for key in self._run.spec.inputs}

    def get_input(self, key: str, url: str = "") -> DataItem:
        """An input as a DataItem.

        Args:
            key: Its name.
            url: Where it is if the run names no such input; a key that is an address or an
                existing file stands for itself.

        Raises:
            NotFoundError: if the run has no such input and it is not known where it would be.
        """
        if key not in self._items:
            inputs = self._run.spec.inputs
            if key not in inputs:
                if not url and ("://" in key or os.path.exists(key)):
                    url = key
                if not url:
                    raise NotFoundError(
                        f"the run has no input {key!r}; it has {sorted(inputs) or 'none'}",
                        where=self.uri,
                        fix=f'pass inputs={{"{key}": "<url>"}} to run()',
                    )
                inputs[key] = url
            address = inputs[key]
            base = self._run.spec.input_path
            if base and "://" not in address and not address.startswith("/"):
                address = f"{base.rstrip('/')}/{address}"
            self._items[key] = self._opened(address, key=key)
            if not address.startswith("store://"):
                told = fingerprint_of(self._items[key])
                if told:
                    self._run.status.input_digests[key] = told
        return self._items[key]

    def get_dataitem(self, url: str, secrets: Mapping[str, str] | None = None) -> DataItem:
        """Any URL as a DataItem; `store://` URIs are recorded as read by this run."""
        return self._opened(url, secrets)

    def _opened(
        self, url: str, secrets: Mapping[str, str] | None = None, key: str = ""
    ) -> DataItem:
        given = {**self._job.secrets, **(secrets or {})}
        item = get_dataitem(
            str(url),
            store=self.store,
            project=self.project,
            secrets=lambda name: find_secret(name, given),
            key=key,
            allow_empty_resources=bool(self._run.spec.allow_empty_resources),
        )
        if str(url).startswith("store://"):
            self.store.record_use(self.project, self._run.metadata.uid, str(url), "read")
        return item

    get_store_resource = get_dataitem

    def get_secret(self, key: str, default: str | None = None) -> str | None:
        """A secret given with the run, or an environment variable of that name."""
        value = find_secret(key, self._job.secrets)
        return default if value is None else value

    def get_meta(self) -> dict[str, Any]:
        """Who made an artifact: the producer record."""
        return {
            "kind": "run",
            "name": self.name,
            "uri": f"{self.project}/{self._run.metadata.uid}",
            "owner": self.labels.get("owner", ""),
        }

    @property
    def in_path(self) -> str:
        """The base of relative inputs."""
        return self._run.spec.input_path

    @property
    def artifact_path(self) -> str:
        """Where artifacts go, placeholders filled in."""
        return expand_artifact_path(
            self._run.spec.output_path, self.project, self._run.metadata.uid
        )

    @artifact_path.setter
    def artifact_path(self, path: str) -> None:
        self._run.spec.output_path = path

    out_path = artifact_path

    @property
    def log_level(self) -> str:
        """The logger's level."""
        return self.logger.level

    @log_level.setter
    def log_level(self, level: str) -> None:
        self.logger.set_logger_level(level)
        self._run.spec.log_level = level

    def __getattr__(self, name: str) -> Any:
        # only for names that are nowhere else: what the runtime provides, such as `dask_client`
        job = self.__dict__.get("_job")
        if job is None or name not in job.provide:
            given = ", ".join(sorted(job.provide)) if job is not None else ""
            raise AttributeError(
                f"the run's context has no attribute {name!r}"
                + (f"; its runtime provides: {given}" if given else "")
            )
        return job.provided(name)

    def is_logging_worker(self) -> bool:
        """False on MPI ranks other than the one that records (setting `logging_worker`)."""
        labels = self._run.metadata.labels
        worker = _WORKER.search(labels.get("host", "")) if labels.get("kind") == "mpijob" else None
        if worker is not None:
            return int(worker[1]) == int(config.logging_worker)
        ranks = (environment(name) for name in _RANKS)
        rank = next((rank for rank in ranks if rank and rank.isdecimal()), None)
        return rank is None or int(rank) == config.logging_worker


def _own_containers(value: Any) -> Any:
    """A copy of plain containers, so that a handler cannot change its caller's; the objects in them
    (frames, models) may be large and are the same."""
    if type(value) is dict:
        return {key: _own_containers(item) for key, item in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(map(_own_containers, value))
    return value
