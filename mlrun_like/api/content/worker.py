"""The process that parses files of strangers: `python -m mlrun_like.api.content.worker MEGABYTES`.

A job is a line of JSON: `kind` (`table` or `archive`), `path`, `format`, and what is wanted of it;
the answer is a line of JSON. It may not write files, has little memory, and is killed from outside
when it takes too long.
"""

from __future__ import annotations

import resource
import sys
import zipfile
import zlib
from typing import Any

import orjson

from mlrun_like.api.content.archives import list_archive
from mlrun_like.api.content.tables import read_table

__all__ = ["answer", "main"]


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """What a file holds, or `{"error": ...}`.

    >>> answer({"kind": "dance"})
    {'error': "nothing is known about 'dance'"}
    """
    try:
        if job["kind"] == "table":
            return read_table(job)
        if job["kind"] == "archive":
            return list_archive(job)
        return {"error": f"nothing is known about {job['kind']!r}"}
    except MemoryError:
        return {"error": "it takes more memory than a preview may use"}
    except (ValueError, OSError, KeyError, TypeError, EOFError, RuntimeError) as exc:
        return {"error": f"it cannot be read: {_first_line(exc)}"}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RecursionError) as exc:
        return {"error": f"it cannot be read: {_first_line(exc)}"}


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def main() -> None:
    """Answer jobs until there are none."""
    memory = int(sys.argv[1]) << 20
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    for line in sys.stdin.buffer:
        told = answer(orjson.loads(line))
        sys.stdout.buffer.write(orjson.dumps(told, default=str) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
