"""`nuclio.triggers`: what its stream trigger takes besides, and asks for."""

from __future__ import annotations

from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.nuclio import stream_triggers

__all__ = ["Constants", "V3IOStreamTrigger"]

_OLDER = {
    "seekTo": "seek_to",
    "pollingIntervalMS": "polling_interval_ms",
    "readBatchSize": "read_batch_size",
    "maxWorkers": "max_workers",
    "sessionTimeout": "session_timeout",
    "workerAllocationMode": "worker_allocation_mode",
    "consumerGroup": "consumer_group",
    "sequenceNumCommitInterval": "sequence_num_commit_interval",
    "heartbeatInterval": "heartbeat_interval",
}


class Constants:
    """Addresses that triggers start with."""

    default_webapi_address = "http://v3io-webapi:8081"


class V3IOStreamTrigger(stream_triggers.V3IOStreamTrigger):
    """Records of an Iguazio stream, with the older names of its arguments.

    Raises:
        InvalidArgumentError: if there is no access key, and v3io is no folder here (the setting
            `v3io_root`), where none is needed.
    """

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **{_OLDER.get(name, name): v for name, v in values.items()})
        if "password" not in self._struct and not settings.v3io_root:
            raise InvalidArgumentError(
                "access_key must be set (via argument or environ V3IO_ACCESS_KEY)",
                fix="access_key=..., or the setting v3io_root where v3io is a folder",
            )
