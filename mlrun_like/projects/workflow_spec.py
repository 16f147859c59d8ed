"""A workflow as a run of it tells: where its code is, and how it was run."""

from __future__ import annotations

import os
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.packaging.unpack import unpack

__all__ = ["WorkflowSpec"]


class WorkflowSpec:
    """Where a workflow's code is, and how it is run.

    Args:
        engine: What runs it.
        code: Its text; or
        path: its file, relative to the project's code.
        args: Values of its arguments.
        name: Its name.
        handler: The function in the file.
        args_schema: What arguments there are.
        schedule: The times at which it runs.
        cleanup_ttl: Seconds its objects in a cluster are kept.
        image: The image of a remote runner.
        more: What else MLRun keeps of it.

    >>> WorkflowSpec(path="flow.py").get_source_file("./demo")
    './demo/flow.py'
    """

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        engine: str | None = None,
        code: str | None = None,
        path: str | None = None,
        args: dict[str, Any] | None = None,
        name: str | None = None,
        handler: str | None = None,
        args_schema: Any = None,
        schedule: Any = None,
        cleanup_ttl: int | None = None,
        image: str | None = None,
        **more: Any,
    ) -> None:
        self.engine, self.code, self.path, self.args = engine, code, path, args
        self.name, self.handler, self.args_schema = name, handler, args_schema
        self.schedule, self.cleanup_ttl, self.image = schedule, cleanup_ttl, image
        self.run_local = False
        vars(self).update(more)

    def get_source_file(self, context: str = "") -> str:
        """The file: that of the path below a folder, or a new one with the code.

        Raises:
            InvalidArgumentError: if there is neither.
        """
        if self.code:
            return str(unpack({"workflow.py": self.code}) / "workflow.py")
        if not self.path:
            raise InvalidArgumentError("workflow must have code or path properties")
        absolute = os.path.isabs(self.path) or "://" in self.path
        return self.path if absolute or not context else os.path.join(context, self.path)
