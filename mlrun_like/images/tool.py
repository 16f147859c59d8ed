"""The container tool of this machine: podman, buildah or docker, by its command line."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mlrun_like.configuration import environment_copy
from mlrun_like.errors import BuildError
from mlrun_like.images.complaints import without_passwords

__all__ = ["TOOLS", "Tool", "find_tool"]

TOOLS = ("podman", "buildah", "docker")
_QUICK = 60.0
_LONG = 3600.0
_LAST = 30
_NOISE = re.compile(r"\s*\Z|--> |COMMIT |Successfully tagged |[0-9a-f]{64}\Z")
_ABOUT = ("STEP ", "Step ", "Error:", "-->", "Trying to pull")
_STEP = re.compile(r'(?:STEP|building at STEP|Step) .*?"?(RUN .*?)"?(?::|$)')


class Tool:
    """One of the container tools.

    Args:
        name: `podman`, `buildah` or `docker`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def program(self) -> str:
        """Where it is; empty if it is not installed."""
        return shutil.which(self.name) or ""

    def unavailable(self) -> str:
        """Why it cannot be used here; empty if it can."""
        if not self.program:
            return f"{self.name} is not installed"
        if self.name != "docker":
            return ""
        done = self._call("version", "--format", "{{.Server.Version}}", seconds=10)
        return "" if done.returncode == 0 else f"docker: {_last(done.stderr)}"

    def image_id(self, name: str) -> str:
        """The id of an image that this tool has; empty if it has none of that name."""
        if self.name == "buildah":
            done = self._call("images", "--no-trunc", "--quiet", name)
        else:
            done = self._call("image", "inspect", "--format", "{{.Id}}", name)
        words = done.stdout.split() if done.returncode == 0 else []
        return words[0].removeprefix("sha256:") if words else ""

    def digest(self, name: str) -> str:
        """The digest of an image's manifest, where the tool knows it, else its id."""
        if self.name == "podman":
            done = self._call("image", "inspect", "--format", "{{.Digest}}", name)
        elif self.name == "buildah":
            done = self._call("images", "--no-trunc", "--format", "{{.Digest}}", name)
        else:
            done = self._call("image", "inspect", "--format", "{{.Id}}", name)
        words = done.stdout.split() if done.returncode == 0 else []
        return words[0] if words else ""

    def export(self, image: str, path: Path) -> None:
        """Write an image as an archive."""
        if self.name == "buildah":
            self._must("push", image, f"oci-archive:{path}", seconds=_LONG)
        elif self.name == "docker":
            self._must("save", "-o", str(path), image, seconds=_LONG)
        else:
            self._must("save", "--format", "oci-archive", "-o", str(path), image, seconds=_LONG)

    def load(self, layout: Path, name: str) -> None:
        """Take the image of an OCI layout's folder under a name; layers it has are not copied."""
        if self.name == "docker":
            archive = layout.with_suffix(".tar")
            try:
                shutil.make_archive(str(layout), "tar", layout)
                done = self._must("load", "-i", str(archive), seconds=_LONG)
            finally:
                archive.unlink(missing_ok=True)
            loaded = re.search(r"(sha256:[0-9a-f]{64}|\S+)\s*$", done.stdout.strip())
            if loaded:
                self._must("tag", loaded[1], name)
            return
        # The tool names what it takes after the path given, which must therefore be a short one.
        own = f"mlrun-like-{uuid.uuid4().hex}"
        link = layout.with_name(own)
        link.symlink_to(layout.name)
        try:
            self._must("pull", "--quiet", f"oci:{own}", seconds=_LONG, folder=layout.parent)
            self._must("tag", f"localhost/{own}:latest", name)
        finally:
            named = f"localhost/{own}:latest"
            self._call(*(("rmi", named) if self.name == "buildah" else ("untag", named, named)))
            link.unlink()

    def build(
        self,
        context: Path,
        name: str,
        *,
        dockerfile: str,
        secrets: Mapping[str, Path],
        extra: Sequence[str],
        say: Callable[[str], None],
    ) -> None:
        """Build the Dockerfile of a folder.

        Args:
            context: The folder.
            name: The image's name.
            dockerfile: The file in it.
            secrets: Files for `--mount=type=secret`.
            extra: Further words of the command line.
            say: Called with each line the tool prints.

        Raises:
            BuildError: with the command that failed and its last words.
        """
        reproducible = ["--timestamp", "0", "--layers"] if self.name != "docker" else []
        given = [word for id, path in secrets.items() for word in ("--secret", _secret(id, path))]
        arguments = ["build", *reproducible, *given, *extra, "-t", name]
        arguments += ["-f", str(context / dockerfile), str(context)]
        variables = {"DOCKER_BUILDKIT": "1", "SOURCE_DATE_EPOCH": "0"}
        with subprocess.Popen(
            [self.program, *arguments],
            env={**environment_copy(), **(variables if self.name == "docker" else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            last: deque[str] = deque(maxlen=_LAST)
            assert process.stdout is not None
            watchdog = threading.Timer(_LONG, process.kill)
            watchdog.start()
            try:
                for line in process.stdout:
                    text = without_passwords(line.rstrip())
                    last.append(text)
                    if not _NOISE.match(text):
                        say(text)
            except BaseException:
                process.terminate()
                raise
            finally:
                watchdog.cancel()
        if process.returncode:
            raise _build_failed(self.name, list(last))

    def push(self, name: str, *, insecure: bool, authfile: str, work: Path) -> str:
        """Push an image; the digest of what the registry has then."""
        if self.name == "docker":
            done = self._must("push", name, seconds=_LONG)
            found = re.search(r"digest: (sha256:[0-9a-f]{64})", done.stdout)
            return found[1] if found else ""
        path = work / "digest"
        options = ["--tls-verify=false"] if insecure else []
        options += ["--authfile", authfile] if authfile else []
        self._must("push", "--quiet", "--digestfile", str(path), *options, name, seconds=_LONG)
        return path.read_text(encoding="utf-8").strip()

    def _call(
        self, *arguments: str, seconds: float = _QUICK, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self.program or self.name, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                cwd=folder,
            )
        except FileNotFoundError as exc:
            raise BuildError(f"{self.name} is not installed", fix=f"install {self.name}") from exc
        except subprocess.TimeoutExpired as exc:
            raise BuildError(
                f"{self.name} {arguments[0]} did not end in {seconds:g} seconds",
                fix=f"look at what {self.name} waits for: {self.name} {arguments[0]} ...",
            ) from exc

    def _must(
        self, *arguments: str, seconds: float = _QUICK, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = self._call(*arguments, seconds=seconds, folder=folder)
        if done.returncode:
            raise BuildError(
                f"{self.name} {arguments[0]} failed: {_last(done.stderr or done.stdout)}",
                where=self.program,
                fix="see the tool's own message",
            )
        return done


def _secret(id: str, path: Path) -> str:
    return f"id={id},src={path}"


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return without_passwords(lines[-1].removeprefix("Error: ")) if lines else "it gave no reason"


def _build_failed(tool: str, lines: list[str]) -> BuildError:
    """Which command failed, and what it said."""
    words = [line for line in lines if line and not line.startswith("time=")]
    step = next((found[1] for line in reversed(words) if (found := _STEP.search(line))), "")
    step = re.sub(r"--mount=type=secret\S* if .*? fi; ", "", step)
    exits = re.search(r"exit (?:status|code:?) (\d+)", "\n".join(words))
    own = [line for line in words if not line.startswith(_ABOUT)]
    error = next((line[7:] for line in reversed(words) if line.startswith("Error: ")), "")
    reason = error or " ".join(own[-2:]) or "no reason given"
    if exits is None or not step:
        return BuildError(
            f"the image cannot be built: {reason[:500]}",
            where=tool,
            fix="see the tool's own message; --keep keeps the Dockerfile",
        )
    said = "; ".join(own[-3:]) or "it printed nothing"
    return BuildError(
        f"build command {step.removeprefix('RUN ')!r} failed with exit code {exits[1]}: "
        f"{said[:500]}",
        where=tool,
        fix="run the same command in the base image by hand to see more",
    )


def find_tool(wanted: str = "") -> Tool | None:
    """The first tool that works here; None if there is none.

    Args:
        wanted: Only this one.
    """
    for name in (wanted,) if wanted else TOOLS:
        tool = Tool(name)
        if not tool.unavailable():
            return tool
    return None
