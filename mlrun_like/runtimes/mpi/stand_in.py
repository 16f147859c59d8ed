"""What a launcher starts on the submitter's machine: a small process that stands for a rank.

Run by path, `python -I -S stand_in.py SOCKET`, and as small as an interpreter can be: the rank is a
fork of the submitter's warm server, which gets this process's variables, output and cores. This
process ends as the rank ends; where no fork can be had it becomes the rank itself.
"""

from __future__ import annotations

import _socket
import os
import sys

__all__ = ["main"]

_LOST = 74


def main(path: str) -> None:
    """Wait for the exit code of the rank that the submitter starts in our place."""
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    answer = b""
    try:
        channel.connect(path)
        while not answer.endswith(b"\n"):
            part = channel.recv(64)
            if not part:
                break
            answer += part
    except OSError:
        os._exit(_LOST)
    word = answer.strip().decode()
    if word == "cold":
        channel.close()
        os.execv(sys.executable, [sys.executable, "-u", "-m", "mlrun_like.runtimes.mpi"])
    code = int(word or _LOST)
    if code < 0:  # end by the same signal, which the launcher reports
        os.kill(os.getpid(), -code)
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main(sys.argv[1])
