"""ParallelExecutionMechanisms: where a step runs what it is given."""

from __future__ import annotations

import enum

from mlrun_like.errors import InvalidArgumentError

__all__ = ["ParallelExecutionMechanisms"]


class ParallelExecutionMechanisms(str, enum.Enum):
    """Where something runs.

    >>> ParallelExecutionMechanisms("naive") == "naive"
    True
    """

    process_pool = "process_pool"
    """In one of several processes."""
    dedicated_process = "dedicated_process"
    """In a process of its own, which keeps what it has loaded."""
    thread_pool = "thread_pool"
    """In a thread."""
    asyncio = "asyncio"
    """In the event loop, as a task."""
    shared_executor = "shared_executor"
    """In an executor that several steps share."""
    naive = "naive"
    """In the event loop, which waits for it."""

    def __str__(self) -> str:
        return self.value

    def __repr__(self) -> str:
        return repr(self.value)

    @classmethod
    def all(cls) -> list[str]:
        """All of them."""
        return [item.value for item in cls]

    @classmethod
    def single_thread(cls) -> list[str]:
        """Those that run in the event loop's thread, or that another step provides for."""
        return [cls.asyncio.value, cls.naive.value, cls.shared_executor.value]

    @classmethod
    def process(cls) -> list[str]:
        """Those that run in other processes."""
        return [cls.process_pool.value, cls.dedicated_process.value]

    @classmethod
    def validate(cls, execution_mechanism: str) -> None:
        """Check a name.

        Raises:
            InvalidArgumentError: if it is none of them.
        """
        if str(execution_mechanism) not in cls.all():
            raise InvalidArgumentError(
                f"Execution mechanism '{execution_mechanism}' is invalid. It must be one of: "
                f"{', '.join(cls.all())}"
            )
