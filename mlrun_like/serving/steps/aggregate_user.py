"""UserAggregate: aggregates beyond those of single numbers, and `distinct_count` as one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.steps.aggregate_functions import AGGREGATES, Aggregate
from mlrun_like.serving.steps.aggregate_values import Bucket

__all__ = [
    "DISTINCT_COUNT",
    "UserAggregate",
    "UserBucket",
    "hashed",
    "register_aggregate",
    "user_aggregate",
    "user_names",
]


class UserAggregate:
    """An aggregate that a user defines.

    A bucket of time holds one state; what a window gives is the result of its buckets' states,
    merged. An event costs one call of `add`, and for each window one of `merge` and `result`.

    Args:
        name: What it is called among the operations; results are `{feature}_{name}_{window}`.
        initial: The state of no values: a function without arguments that makes it, or a value
            that is never changed (a number, text, tuple).
        add: Called with a state and a value (a float); gives the new state, which may be the same
            object, changed.
        merge: Called with two states; gives a new one, and changes neither. The second is of later
            buckets.
        result: Called with a state; gives a number.
        dump: Gives a state as plain data (numbers, texts, lists, dictionaries) to store it; by
            default it is that.
        load: The state from that data.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.
        InvalidArgumentError: if a built-in aggregate has the name.

    >>> spread = UserAggregate(
    ...     "spread", (float("inf"), float("-inf")),
    ...     lambda state, value: (min(state[0], value), max(state[1], value)),
    ...     lambda a, b: (min(a[0], b[0]), max(a[1], b[1])),
    ...     lambda state: max(0.0, state[1] - state[0]),
    ... )
    >>> spread.result(spread.add(spread.add(spread.empty(), 3.0), 5.0))
    2.0
    """

    def __init__(
        self,
        name: str,
        initial: Any,
        add: Callable[[Any, float], Any],
        merge: Callable[[Any, Any], Any],
        result: Callable[[Any], float],
        dump: Callable[[Any], Any] | None = None,
        load: Callable[[Any], Any] | None = None,
    ) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise InvalidTypeError(
                f"name={name!r:.80} is no name of an aggregate", fix="letters, digits and _"
            )
        if name in AGGREGATES:
            raise InvalidArgumentError(f"{name!r} is a built-in aggregate", fix="choose another")
        for what, given in {"add": add, "merge": merge, "result": result}.items():
            if not callable(given):
                raise InvalidTypeError(
                    f"{what}={given!r:.80} is no function", where=f"aggregate {name!r}"
                )
        self.name = name
        self.initial = initial
        self.add = add
        self.merge = merge
        self.result = result
        self.dump = dump or _same
        self.load = load or _same

    def empty(self) -> Any:
        """The state of no values."""
        return self.initial() if callable(self.initial) else self.initial

    def function(self) -> Aggregate:
        """What gives the result of two buckets that belong to one window."""
        name, merge, result = self.name, self.merge, self.result

        def read(a: Bucket, b: Bucket) -> float:
            ours, theirs = a.states.get(name, self), b.states.get(name, self)
            if (ours is self and a.count) or (theirs is self and b.count):
                raise InvalidArgumentError(
                    f"the windows were kept without the aggregate {name!r}",
                    fix="name it among the operations where events are aggregated",
                )
            if ours is self or theirs is self:
                held = theirs if ours is self else ours
                return float(result(self.empty() if held is self else held))
            return float(result(merge(ours, theirs)))

        return read

    def __repr__(self) -> str:
        return f"UserAggregate({self.name!r})"


def _same(state: Any) -> Any:
    return state


def _added(state: set[float], value: float) -> set[float]:
    state.add(value)
    return state


class _DistinctCount(UserAggregate):
    def function(self) -> Aggregate:
        name = self.name
        none: frozenset[float] = frozenset()

        def read(a: Bucket, b: Bucket) -> float:
            ours, theirs = a.states.get(name, none), b.states.get(name, none)
            return float(len(ours) + len(theirs - ours))

        return read


DISTINCT_COUNT = _DistinctCount("distinct_count", set, _added, lambda a, b: a | b, len, sorted, set)
"""How many different values there are: exact. A bucket keeps its different values in a set: about
60 bytes for each of them and each window that it is in. Texts count by 53 bits of their hash."""

_USERS: dict[str, UserAggregate] = {"distinct_count": DISTINCT_COUNT}


def register_aggregate(aggregate: UserAggregate) -> UserAggregate:
    """Make an aggregate known by its name in this process; a later one of the name replaces it.

    Raises:
        InvalidTypeError: if it is something else.
        InvalidArgumentError: if a built-in one has the name.
    """
    if not isinstance(aggregate, UserAggregate):
        raise InvalidTypeError(f"{aggregate!r:.80} is no UserAggregate")
    if aggregate.name == "distinct_count" and aggregate is not DISTINCT_COUNT:
        raise InvalidArgumentError("'distinct_count' is a built-in aggregate", fix="choose another")
    _USERS[aggregate.name] = aggregate
    return aggregate


def user_aggregate(name: Any) -> UserAggregate | None:
    """The aggregate of that name; None: there is none.

    >>> user_aggregate("distinct_count")
    UserAggregate('distinct_count')
    """
    return _USERS.get(name) if isinstance(name, str) else None


def user_names() -> list[str]:
    """The names of all such aggregates that are known in this process."""
    return list(_USERS)


def hashed(value: Any) -> float:
    """A number for a value whose equality alone counts: itself, or 53 bits of a text's hash.

    >>> hashed(3), hashed("a") == hashed("a"), hashed("a") == hashed("b")
    (3.0, True, False)
    """
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return float(int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "big") >> 11)
    return float(value)


class UserBucket(Bucket):
    """A bucket that holds the states of user-defined aggregates as well.

    Args:
        users: The aggregates.
    """

    __slots__ = ("states", "users")
    users: tuple[UserAggregate, ...]
    states: dict[str, Any]

    def __init__(self, users: tuple[UserAggregate, ...]) -> None:
        super().__init__()
        self.users = users
        self.states = {user.name: user.empty() for user in users}

    def add(self, time: float, value: float) -> None:
        super().add(time, value)
        states = self.states
        for user in self.users:
            states[user.name] = user.add(states[user.name], value)

    def merge(self, other: Bucket) -> None:
        mixed = self.count and other.count
        earlier = other.first_time < self.first_time
        super().merge(other)
        if mixed:
            for user in self.users:
                ours, theirs = self.states[user.name], self._state_of(other, user)
                pair = (theirs, ours) if earlier else (ours, theirs)
                self.states[user.name] = user.merge(*pair)

    def copy(self) -> Bucket:
        made = UserBucket(self.users)
        made._become(self)
        return made

    def _become(self, other: Bucket) -> None:
        super()._become(other)
        for user in self.users:
            self.states[user.name] = user.merge(user.empty(), self._state_of(other, user))

    @staticmethod
    def _state_of(other: Bucket, user: UserAggregate) -> Any:
        if user.name not in other.states:
            raise InvalidArgumentError(
                f"stored windows were kept without the aggregate {user.name!r}",
                fix="aggregate under another name, or ingest again with overwrite=True",
            )
        return other.states[user.name]

    def to_list(self) -> list[Any]:
        dumped = {user.name: user.dump(self.states[user.name]) for user in self.users}
        return [*super().to_list(), dumped]

    _LENGTH: ClassVar[int] = 1 + len(Bucket.NAMES)

    @staticmethod
    def of(numbers: Any, users: tuple[UserAggregate, ...]) -> Bucket:
        """The bucket that `to_list` of either kind wrote.

        Raises:
            InvalidArgumentError: if it is none, or lacks the state of one of `users`.
        """
        whole = isinstance(numbers, (list, tuple)) and len(numbers) == UserBucket._LENGTH
        plain = Bucket.from_list(numbers[:-1] if whole else numbers)
        if not users:
            return plain
        made = UserBucket(users)
        Bucket._become(made, plain)
        stored = numbers[-1] if whole else {}
        if not isinstance(stored, Mapping):
            raise InvalidArgumentError(f"{stored!r:.80} are no stored states of aggregates")
        for user in users:
            if user.name in stored:
                made.states[user.name] = user.load(stored[user.name])
            elif plain.count:
                UserBucket._state_of(plain, user)
        return made
