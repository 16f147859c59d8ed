"""CodeArtifact: source code for functions and workflows."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from mlrun_like.artifacts.base import Artifact
from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["CodeArtifact", "CodeArtifactCodeType"]


class CodeArtifactCodeType(str, Enum):
    """What code is for.

    >>> CodeArtifactCodeType.workflow == "workflow"
    True
    """

    function = "function"
    workflow = "workflow"


class CodeArtifact(Artifact):
    """Source code: one file, or an archive (`.zip`, `.tar.gz`) of files.

    Args:
        key: Its name.
        body: The code.
        format: The file's suffix.
        target_path: Where it is or shall be.
        src_path: The file on this machine.
        language: Such as `python`; None: by the suffix.
        code_type: `function` or `workflow`.
        requirements: Packages that it needs.
        kwargs: As for Artifact.

    Raises:
        InvalidArgumentError: if there is no such type, or requirements are no list of texts.

    >>> CodeArtifact("train", src_path="train.py", requirements=["numpy"]).spec.language
    'python'
    """

    kind = "code"

    def __init__(
        self,
        key: str = "",
        body: Any = None,
        format: str = "",
        target_path: str = "",
        src_path: str = "",
        language: str | None = None,
        code_type: str | None = None,
        requirements: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        kinds = [kind.value for kind in CodeArtifactCodeType]
        chosen = str(getattr(code_type, "value", code_type) or kinds[0])
        if chosen not in kinds:
            raise InvalidArgumentError(
                f"code cannot be of type {chosen!r:.60}.{nearest(chosen, kinds)}",
                where=f"artifact {key!r}",
                fix=f"types: {', '.join(kinds)}",
            )
        if requirements is not None and (
            not isinstance(requirements, list)
            or not all(isinstance(one, str) for one in requirements)
        ):
            raise InvalidArgumentError(
                f"requirements must be a list of strings, got: {requirements!r:.200}",
                where=f"artifact {key!r}",
            )
        super().__init__(
            key, body, format=format, target_path=target_path, src_path=src_path, **kwargs
        )
        path = str(target_path or src_path or "").lower()
        python = "python" if path.endswith((".py", ".ipynb")) else "" if path else None
        self.doc.spec.language = python if language is None else language
        self.doc.spec.code_type = chosen
        self.doc.spec.requirements = None if requirements is None else list(requirements)
