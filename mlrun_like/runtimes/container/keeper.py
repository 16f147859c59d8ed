"""Removes a run's container at its end, also when the process that submitted it was killed.

A shell in a session of its own waits for one line from this process. The line, or the end of the
pipe when this process is gone, makes it stop and remove the container. That happens beside the
run's end, so nobody waits for it; until then the container can be asked why it ended.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

from mlrun_like.configuration import environment_copy
from mlrun_like.runtimes.container.tool import Tool

__all__ = ["CLIENT", "Keeper", "client_command"]

CLIENT = "client.pid"
_SHELL = "/bin/sh"
_WATCH = """
exec 3<&0
{
    read -r line
    if [ -z "$line" ]; then
        [ -s "$3/client.pid" ] && kill -9 "$(cat "$3/client.pid")"
        "$1" stop -t 5 "$2"
    fi
    "$1" rm -f "$2"
    [ -z "$line" ] && rm -rf "$3"
} <&3 3<&- &
"""
_START = 'echo $$ > "$0"; exec "$@"'


class Keeper:
    """Watches over one container.

    Args:
        tool: What runs it.
        name: Its name.
        folder: The run's private folder, removed too if this process is killed.
    """

    def __init__(self, tool: Tool, name: str, folder: Path) -> None:
        read, self._pipe = os.pipe()
        try:
            # The shell ends at once and leaves the watching to a child: nobody has to reap it.
            subprocess.run(
                [_SHELL, "-c", _WATCH, "mlrun-like-keeper", tool.path, name, str(folder)],
                stdin=read,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=environment_copy(),
                start_new_session=True,
                check=True,
            )
        finally:
            os.close(read)

    def release(self) -> None:
        """The run is over: have the container removed, without waiting."""
        if self._pipe < 0:
            return
        with contextlib.suppress(OSError):  # somebody killed the shell
            os.write(self._pipe, b"done\n")
        os.close(self._pipe)
        self._pipe = -1


def client_command(argv: list[str], folder: Path) -> list[str]:
    """The command that starts the tool's client and leaves its process id in the run's folder."""
    return [_SHELL, "-c", _START, str(folder / CLIENT), *argv]
