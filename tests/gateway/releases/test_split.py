from __future__ import annotations

import timeit
from collections import Counter

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Share
from mlrun_like.gateway.releases.split import Table, check_shares
from tests.gateway.pools import Answers

TARGETS = {1: "old", 2: "new", 3: "third"}


def call(client: str = "", *headers: tuple[bytes, bytes]) -> Call:
    found = Call(b"GET", b"/", list(headers), b"", Answers())
    found.client = client
    return found


@pytest.mark.parametrize("weight", [0.1, 1, 5, 10, 33.3, 50, 99.9])
def test_weights_hold_for_any_thousand_and_nearly_for_any_hundred(weight: float) -> None:
    table = Table([Share(1, 100 - weight), Share(2, weight)], TARGETS)
    found = [table.pick(call()) for _ in range(3000)]
    for start in (0, 500, 1777):
        assert found[start : start + 1000].count("new") == round(weight * 10)
    for start in range(0, 2900, 37):
        assert abs(found[start : start + 100].count("new") - weight) < 3


def test_a_client_that_alternates_does_not_always_get_the_same_version() -> None:
    table = Table([Share(1, 50.0), Share(2, 50.0)], TARGETS)
    even = Counter(table.pick(call()) if at % 2 else table.next() for at in range(2000))
    odd = Counter(table.next() for at in range(1000) if (table.next() or True))
    assert 450 <= odd["new"] <= 550 and even["new"] == 1000


def test_one_version_needs_no_table() -> None:
    assert Table([Share(1, 100.0)], TARGETS).only == "old"
    assert Table([Share(1, 100.0), Share(2, 0.0)], TARGETS).only == "old"
    assert Table([Share(1, 100.0), Share(2, 0.0, "x-canary")], TARGETS).only is None


def test_a_header_wins_over_weights() -> None:
    table = Table([Share(1, 100.0), Share(2, 0.0, "X-Canary", "yes")], TARGETS)
    assert table.pick(call("", (b"x-canary", b"yes"))) == "new"
    assert table.pick(call("", (b"x-canary", b"no"))) == "old"
    assert table.pick(call()) == "old"
    any_value = Table([Share(1, 100.0), Share(2, 0.0, "x-canary")], TARGETS, sticky="caller")
    assert any_value.pick(call("ann", (b"x-canary", b""))) == "new"


def test_a_caller_keeps_its_version_while_the_weight_grows() -> None:
    callers = [f"user-{number}" for number in range(5000)]
    before: set[str] = set()
    for weight in (5.0, 25.0, 50.0, 100.0):
        table = Table([Share(1, 100 - weight), Share(2, weight)], TARGETS, "caller", "p/f")
        now = {who for who in callers if table.pick(call(who)) == "new"}
        assert now == {who for who in callers if table.pick(call(who)) == "new"}
        assert before <= now
        assert abs(len(now) / 50 - weight) < 2.5
        before = now


def test_callers_are_told_apart_by_a_header_and_differently_by_each_function() -> None:
    shares = [Share(1, 50.0), Share(2, 50.0)]
    table = Table(shares, TARGETS, "X-User", "p/f")
    for user in (b"a", b"b", b"c", b"d"):
        assert len({table.pick(call("", (b"x-user", user))) for _ in range(20)}) == 1
    assert len({table.pick(call()) for _ in range(50)}) == 2  # no header: by weight
    other = Table(shares, TARGETS, "caller", "p/g")
    mine = Table(shares, TARGETS, "caller", "p/f")
    users = [f"u{number}" for number in range(200)]
    assert [mine.pick(call(u)) for u in users] != [other.pick(call(u)) for u in users]


def test_three_versions() -> None:
    table = Table([Share(1, 70.0), Share(2, 20.0), Share(3, 10.0)], TARGETS)
    assert Counter(table.pick(call()) for _ in range(1000)) == {
        "old": 700,
        "new": 200,
        "third": 100,
    }


def test_a_choice_costs_next_to_nothing() -> None:
    table = Table([Share(1, 90.0), Share(2, 10.0)], TARGETS)
    one = call()
    best = min(timeit.repeat(lambda: table.pick(one), number=2000, repeat=5)) / 2000
    assert best < 2e-5  # 0.2 us here; a busy machine may be slower


@pytest.mark.parametrize(
    "shares",
    [
        [],
        [Share(1, 50.0)],
        [Share(1, 100.0), Share(9, 0.0)],
        [Share(1, -10.0), Share(2, 110.0)],
        [Share(1, float("nan"))],
        [Share(1, True)],
        [Share(1, "100")],  # type: ignore[arg-type]
    ],
)
def test_shares_that_make_no_sense_are_refused(shares: list[Share]) -> None:
    with pytest.raises(InvalidArgumentError):
        check_shares(shares, [1, 2])


def test_a_table_needs_a_weight() -> None:
    with pytest.raises(InvalidArgumentError, match="weight"):
        Table([Share(1, 0.0, "x")], TARGETS)
