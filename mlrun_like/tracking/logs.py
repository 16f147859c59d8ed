"""Run logs in SQL: pieces addressed by byte offset."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

from sqlalchemy import select

from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import LogStore
from mlrun_like.tracking.operations import Operation
from mlrun_like.tracking.part import SqlPart, prepared

__all__ = ["SqlLogs", "log_operations"]

_PIECE = 1 << 20
_LARGEST = 64 << 20  # no piece that anybody wrote is larger


class SqlLogs(SqlPart, LogStore):
    """The part of the store that holds logs."""

    def append_log(self, project: str, uid: str, data: bytes) -> None:
        for operation in log_operations(project, uid, data):
            self.writer.put(operation)

    def read_log(self, project: str, uid: str, offset: int = 0, size: int = -1) -> bytes:
        self.writer.settle()
        start = max(0, offset)
        log = t.logs.c
        statement = (
            select(log.offset, log.data)
            .where(
                log.project == project,
                log.uid == uid,
                log.offset + log.size > start,
                # by the index: the pieces before are not looked at one by one
                log.offset > start - _LARGEST,
            )
            .order_by(log.offset)
        )
        if size >= 0:
            statement = statement.where(log.offset < start + size)
        with self.database.read() as connection:
            rows = connection.execute(statement).all()
        if not rows:
            return b""
        data = b"".join(bytes(row[1]) for row in rows)[start - rows[0][0] :]
        return data if size < 0 else data[:size]

    def log_size(self, project: str, uid: str) -> int:
        self.writer.settle()
        with self.database.read() as connection:
            return int(prepared(connection, "log_size", _project=project, _uid=uid)[0][0])


class _Tokens:
    """Names for pieces of log: unlike in every process, also after a fork."""

    def __init__(self) -> None:
        self.pid = 0
        self.prefix = ""
        self.numbers = itertools.count()

    def __call__(self) -> str:
        pid = os.getpid()
        if pid != self.pid:
            self.prefix, self.numbers, self.pid = os.urandom(9).hex(), itertools.count(), pid
        return f"{self.prefix}.{next(self.numbers)}"


_token = _Tokens()


def log_operations(project: str, uid: str, data: bytes) -> Iterator[Operation]:
    """The operations that add bytes to a log: pieces that are not too large, each with a name."""
    for start in range(0, len(data), _PIECE):
        piece = bytes(data[start : start + _PIECE])
        yield "log", {"project": project, "uid": uid, "token": _token(), "data": piece}
