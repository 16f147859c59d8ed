"""Three hosts on one machine: network namespaces joined by a bridge, each with a name of its own.

Needs root and iproute2; what a namespace lacks of a real host is its own disk and processes.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers import missing

__all__ = ["Host", "Hosts", "three_hosts"]


class Host:
    """One of them.

    Args:
        name: Its name, also its namespace's.
        address: Its address.
        link: The machine's end of its cable.
    """

    def __init__(self, name: str, address: str, link: str) -> None:
        self.name = name
        self.address = address
        self.link = link

    def command(self, *command: str) -> list[str]:
        """What runs a command there."""
        script = f'hostname {self.name}; exec "$@"'
        return [
            *("ip", "netns", "exec", self.name, "unshare", "--uts"),
            *("sh", "-c", script, "sh", *command),
        ]

    def start(self, *command: str, log: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a command there; the caller ends it."""
        with open(log or os.devnull, "ab") as output:
            return subprocess.Popen(
                self.command(*command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def run(self, *command: str, timeout: float = 30) -> str:
        """Run a command there and give its output."""
        done = subprocess.run(
            self.command(*command), check=True, timeout=timeout, capture_output=True, text=True
        )
        return done.stdout

    def cut_off(self) -> None:
        """Pull its cable."""
        _ip("link", "set", self.link, "down")

    def join(self) -> None:
        """Plug its cable in again."""
        _ip("link", "set", self.link, "up")

    def pids(self) -> list[int]:
        """Its processes."""
        done = subprocess.run(
            ["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False
        )
        return [int(line) for line in done.stdout.split()]


class Hosts(Sequence[Host]):
    """The hosts, the machine's own address in their network, and how to start programs there.

    Args:
        hosts: The hosts.
        address: This machine's address towards them.
        agent: A script `AGENT HOST COMMAND`, as ssh would be used.
    """

    def __init__(self, hosts: list[Host], address: str, agent: str) -> None:
        self._hosts = hosts
        self.address = address
        self.agent = agent

    def __getitem__(self, index: int) -> Host:  # type: ignore[override]
        return self._hosts[index]

    def __len__(self) -> int:
        return len(self._hosts)


@contextmanager
def three_hosts() -> Iterator[Hosts]:
    """Three hosts; skips where namespaces cannot be made."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        missing("network namespaces need root")
    if not shutil.which("ip") or not shutil.which("unshare"):
        missing("iproute2 and util-linux are not installed (Debian packages)")
    mark = f"{os.getpid() % 46656:x}"
    number = os.getpid() % 200 + 20
    bridge, net = f"ml{mark}", f"10.213.{number}"
    hosts = [
        Host(f"host-{letter}-{mark}", f"{net}.{index}", f"ml{mark}{letter}")
        for index, letter in enumerate("abc", 11)
    ]
    folder = Path(tempfile.mkdtemp(prefix="hosts"))
    try:
        try:
            _ip("link", "add", bridge, "type", "bridge")
            _ip("address", "add", f"{net}.1/24", "dev", bridge)
            _ip("link", "set", bridge, "up")
            for host in hosts:
                _plug_in(host, bridge)
        except subprocess.CalledProcessError as exc:
            missing(f"network namespaces cannot be made here: {exc.stderr.decode().strip()}")
        yield Hosts(hosts, f"{net}.1", _agent(folder, hosts))
    finally:
        for host in hosts:
            for pid in host.pids():
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    continue
            _ip("netns", "delete", host.name, check=False)
        _ip("link", "delete", bridge, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _plug_in(host: Host, bridge: str) -> None:
    _ip("netns", "add", host.name)
    _ip("link", "add", host.link, "type", "veth", "peer", "name", "eth0", "netns", host.name)
    _ip("link", "set", host.link, "master", bridge)
    _ip("link", "set", host.link, "up")
    _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
    _ip("-n", host.name, "link", "set", "eth0", "up")
    _ip("-n", host.name, "link", "set", "lo", "up")


def _agent(folder: Path, hosts: list[Host]) -> str:
    """Like ssh: a host's name or address and a command line; a host that is cut off is silent."""
    names = "".join(f"{h.name}|{h.address}) name={h.name} link={h.link};; " for h in hosts)
    script = folder / "agent"
    script.write_text(
        f"""#!/bin/sh
while [ "${{1#-}}" != "$1" ]; do shift; done
case "$1" in {names}*) echo "agent: no host $1" >&2; exit 255;; esac
shift
if ! ip -o link show "$link" | grep -q 'state UP'; then sleep 60; exit 255; fi
exec ip netns exec "$name" unshare --uts sh -c 'hostname '"$name"'; exec sh -c "$1"' sh "$*"
"""
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=True, timeout=20)
