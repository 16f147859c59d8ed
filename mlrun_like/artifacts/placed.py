"""Where one artifact is, and writing it there by hand: what `log_artifact` does otherwise."""

from __future__ import annotations

import hashlib
import os
from pathlib import PurePath
from typing import Any, ClassVar

from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.record import Record
from mlrun_like.artifacts.stores import join_url, read_chunks
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.names import ArtifactURI
from mlrun_like.registry import resolve

__all__ = ["Placed", "blob_hash", "file_hash"]


class Placed(Record):
    """The part of an Artifact that knows its place."""

    category: ClassVar[str] = "artifacts"

    @property
    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return False

    def get_target_path(self) -> str:
        """Where its bytes are."""
        return self.doc.spec.target_path

    def get_store_url(
        self, with_tag: bool = True, project: str | None = None, with_tree: bool = True
    ) -> str:
        """Its `store://` URI.

        Args:
            with_tag: With its tag, if it has one.
            project: Another project than its own.
            with_tree: With the run or workflow that made it.
        """
        found = self.doc.metadata
        tree = found.tree if with_tree else ""
        iteration = found.iter if found.iter or tree else None
        tag = found.tag if with_tag and not tree else ""
        owner = project or found.project or config.default_project or "default"
        key = self.doc.spec.db_key or found.key
        return str(ArtifactURI(self.category, owner, key, iteration, tag, tree))

    def generate_target_path(self, artifact_path: str | None, producer: Any) -> str:
        """Where `log_artifact` would put it: `<path>[/<run>/<iteration>]/<key><suffix>`.

        Args:
            artifact_path: The folder; empty: the path is relative.
            producer: Who logs it; of kind `run` or `project`, with a `name`.
        """
        parts = [str(producer.name), str(self.doc.metadata.iter or 0)]
        folder = [str(artifact_path or ""), *(parts if producer.kind == "run" else [])]
        suffix = "/" if self.is_dir else self._suffixes()
        return "/".join([*(part.rstrip("/") for part in folder if part), f"{self.key}{suffix}"])

    def _suffixes(self) -> str:
        """All suffixes of the source, such as `.tar.gz`; else the format."""
        form = self.doc.spec.format
        return "".join(PurePath(self.doc.spec.src_path).suffixes) or (f".{form}" if form else "")

    def resolve_body_target_hash_path(
        self, body: bytes | str, artifact_path: str | None
    ) -> tuple[str, str]:
        """The SHA-1 of a body, and a path below `artifact_path` that is named after it.

        Raises:
            InvalidArgumentError: if there is no path.
            InvalidTypeError: if the body is neither bytes nor text.
        """
        return self._named_by(artifact_path, blob_hash, body)

    def resolve_file_target_hash_path(
        self,
        source_path: str | os.PathLike[str] = "",
        artifact_path: str | None = None,
        *,
        src: str | os.PathLike[str] = "",
    ) -> tuple[str, str]:
        """The SHA-1 of a file, and a path below `artifact_path` that is named after it.

        Args:
            source_path: The file.
            artifact_path: The folder.
            src: Older name of `source_path`.
        """
        return self._named_by(artifact_path, file_hash, source_path or src)

    def _named_by(self, artifact_path: str | None, digest: Any, source: Any) -> tuple[str, str]:
        if not artifact_path:
            raise InvalidArgumentError(
                "Unable to resolve file target hash path, artifact_path is not defined",
                where=f"artifact {self.key!r}",
                fix="give artifact_path=",
            )
        found: str = digest(source)
        return found, join_url(artifact_path, f"{found}{self._suffixes()}")

    def upload(self, artifact_path: str | None = None) -> None:
        """Write its body or source to its `target_path`; nothing is recorded.

        Args:
            artifact_path: A folder in which it is named after its hash, if it has no target.

        Raises:
            InvalidArgumentError: if it has neither a target nor a folder.
        """
        spec = self.doc.spec
        body = self.get_body()
        if not spec.target_path:
            named = body if isinstance(body, (str, bytes)) else None
            found = (
                self.resolve_body_target_hash_path(named, artifact_path)
                if named is not None
                else self.resolve_file_target_hash_path(spec.src_path, artifact_path)
            )
            spec.target_path = found[1]
        resolve("mlrun_like.artifacts.writing:write")(self, spec.target_path)

    def get_body(self) -> Any:
        """The content it was made from: str or bytes, None if there is none."""
        return self.doc.spec.inline

    def before_log(self) -> None:
        """Called before it is logged; a subclass may complete the artifact here."""


def blob_hash(data: bytes | str) -> str:
    """The SHA-1 of bytes, or of text as UTF-8.

    >>> blob_hash("abc")
    'a9993e364706816aba3e25717850c26c9cd0d89d'
    """
    if isinstance(data, str):
        data = data.encode()
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise InvalidTypeError(f"a {type(data).__name__} has no hash", fix="give bytes or text")
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def file_hash(path: str | os.PathLike[str]) -> str:
    """The SHA-1 of a file of this machine."""
    digest = hashlib.sha1(usedforsecurity=False)
    with open_url(os.path.abspath(path)).open("rb") as file:
        for chunk in read_chunks(file):
            digest.update(chunk)
    return digest.hexdigest()
