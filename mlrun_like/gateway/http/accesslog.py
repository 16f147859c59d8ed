"""The access log of the gateway: a line of JSON for each request.

Fields: `time` (seconds since 1970), `id` (of the transaction), `function` (empty: there is none),
`method`, `path` (values of parameters that are named like secrets are masked), `client` (address,
or name of the caller), `trigger` (if one sent it), `version`, `status` (499: the client left),
`ms` and `queue_ms`, `in` and `out` (bytes).
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import orjson

from mlrun_like.gateway.http.lines import LineWriter

__all__ = ["AccessLog", "masked"]

_SECRET = re.compile(
    rb"([?&;][^=&;]*(?:token|secret|passw|pwd|key|auth|sig|cred|session|jwt|otp|code)[^=&;]*=)"
    rb"[^&;]*",
    re.IGNORECASE,
)
_MOST_PATH = 2048
_SHORT, _MOST_SAME = 400, 2048  # bytes of fields that are remembered; how many of them
_Key = tuple[str, bytes, bytes, str, str]
_LINE = (
    b'{"time":%.3f,"id":"%b",%b,"version":%d,"status":%d,"ms":%.3f,"queue_ms":%.3f,'
    b'"in":%d,"out":%d}\n'
)


def masked(target: bytes) -> str:
    """Path and query for logs, without secrets.

    >>> masked(b"/p/f?user=anna&api_key=s3cret")
    '/p/f?user=anna&api_key=***'
    """
    if b"?" in target:
        path, mark, query = target.partition(b"?")
        if b"%" in query:  # a name may be written in other ways than its letters
            query = re.sub(rb"%([46][0-9A-Fa-f]|5[0-9Aa]|7[0-9Aa])", _letter, query)
        target = path + _SECRET.sub(rb"\1***", mark + query)
    return target[:_MOST_PATH].decode("latin-1")


def _letter(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 16)])


class AccessLog:
    """Writes the log.

    Args:
        path: Its file.
        size: Bytes after which it is moved to `<path>.1`; 0: never.
        keep: How many moved files are kept.
    """

    def __init__(self, path: str | Path, size: int = 64 << 20, keep: int = 5) -> None:
        self._path = Path(path)
        self._writer = LineWriter(size, keep)
        self._add = self._writer.add
        self._same: dict[_Key, bytes] = {}

    def note(
        self,
        who: tuple[bytes, str, str, str],
        request: tuple[bytes, bytes, int],
        answer: tuple[int, int, int],
        times: tuple[float, float],
    ) -> None:
        """Note a request.

        Args:
            who: Transaction id (as `Transactions` gives it), function, client, trigger.
            request: Method, target as sent, bytes of the body.
            answer: Version, status, bytes.
            times: Seconds of the whole, and of the waiting for a replica.
        """
        key = who[1], request[0], request[1], who[2], who[3]
        same = self._same.get(key)
        if same is None:
            same = self._describe(key)
        line = _LINE % (
            time.time(), who[0], same, answer[0], answer[1],
            times[0] * 1e3, times[1] * 1e3 if times[1] > 0.0 else 0.0, request[2], answer[2],
        )  # fmt: skip
        self._add(self._path, line)

    def _describe(self, key: _Key) -> bytes:
        """Fields of a line that are the same for many requests; remembered if they are short."""
        function, method, target, client, trigger = key
        fields = {
            "function": function,
            "method": method.decode("latin-1"),
            "path": masked(target),
            "client": client,
        }
        if trigger:
            fields["trigger"] = trigger
        found = orjson.dumps(fields)[1:-1]
        if len(found) <= _SHORT:
            if len(self._same) >= _MOST_SAME:
                self._same.clear()
            self._same[key] = found
        return found

    @property
    def dropped(self) -> int:
        """Lines that were lost because the disk was full or too slow."""
        return self._writer.dropped

    def flush(self) -> None:
        """Wait until all lines are written."""
        self._writer.flush()

    def close(self) -> None:
        """Write the rest."""
        self._writer.close()
