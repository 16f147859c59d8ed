"""Window states as plain data: reading what was stored, and adding to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_user import UserBucket, user_aggregate
from mlrun_like.serving.steps.aggregate_values import Bucket

__all__ = ["merge_plain", "read_plain"]


def read_plain(plain: Mapping[str, Any], layout: Layout) -> tuple[int | None, dict[int, Bucket]]:
    """The newest bucket and all buckets of a stored state.

    Raises:
        InvalidArgumentError: if it was stored with another period, or is damaged.
    """
    try:
        period, head = plain["period"], plain["head"]
        stored = {int(index): numbers for index, numbers in plain["buckets"].items()}
        head = None if head is None else int(head)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise InvalidArgumentError(
            f"the stored windows of feature {layout.name!r} are damaged: {exc!r}"
        ) from exc
    if stored and (head is None or max(stored) > head):
        raise InvalidArgumentError(f"the stored windows of feature {layout.name!r} are damaged")
    if period != layout.period:
        raise InvalidArgumentError(
            f"the windows of feature {layout.name!r} are stored in periods of {period} ms, "
            f"not {layout.period:g} ms",
            fix="use the same windows and period as before, or another table",
        )
    return head, {index: layout.bucket_of(stored[index]) for index in sorted(stored)}


def merge_plain(stored: Sequence[Any] | None, added: Sequence[Any]) -> list[Any]:
    """A stored bucket with what a shared state added to it.

    >>> merge_plain(None, Bucket().to_list()) == Bucket().to_list()
    True
    """
    if stored is None:
        return list(added)
    total, more = _bucket(stored), _bucket(added)
    total.merge(more)
    return total.to_list()


def _bucket(numbers: Sequence[Any]) -> Bucket:
    if len(numbers) <= len(Bucket.NAMES):
        return Bucket.from_list(numbers)
    users = []
    for name in numbers[-1]:
        user = user_aggregate(name)
        if user is None:
            raise InvalidArgumentError(
                f"the stored aggregate {name!r:.80} is not known here",
                fix="register_aggregate(UserAggregate(...)) in this process",
            )
        users.append(user)
    return UserBucket.of(numbers, tuple(users))
