"""MLRun's fields of times as cron expressions."""

from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.schedules.cron import check_cron
from mlrun_like.schedules.fields import cron_of


@pytest.mark.parametrize(
    ("fields", "cron"),
    [
        ({"hour": 5}, "0 5 * * *"),
        ({"day_of_week": "mon"}, "0 0 * * MON"),
        ({"day": 2, "second": None, "minute": ""}, "0 0 2 * *"),
        ({"month": 3}, "0 0 1 3 *"),
        ({"minute": 0}, "0 * * * *"),
        ({"minute": "*/10", "hour": "8-18"}, "*/10 8-18 * * *"),
        ({"hour": 5, "minute": 0, "second": 0}, "0 5 * * *"),
        ({"second": 30}, "30 * * * * *"),
        ({"day_of_week": 0, "hour": 1}, "0 1 * * MON"),
        ({"day_of_week": 6}, "0 0 * * SUN"),
        ({"day_of_week": "0-4/2"}, "0 0 * * MON,WED,FRI"),
        ({"day_of_week": "*/2"}, "0 0 * * MON,WED,FRI,SUN"),
        ({"day_of_week": "4/2,mon"}, "0 0 * * MON,FRI,SUN"),
        ({"day_of_week": "*", "hour": 3}, "0 3 * * *"),
        ({"day": "*/2", "hour": 3}, "0 3 */2 * *"),
        ({"week": "*", "hour": 5}, "0 5 * * *"),
        ({"week": "*"}, "0 0 * * *"),
        ({"year": "*"}, "0 0 1 1 *"),
        ({"hour": 5, "year": "*", "jitter": 0}, "0 5 * * *"),
        ({"day_of_week": "mon, fri", "hour": "1 ,2"}, "0 1,2 * * MON,FRI"),
    ],
)
def test_what_is_not_given_has_its_least_value_below_the_last(
    fields: dict[str, Any], cron: str
) -> None:
    assert cron_of(fields) == (cron, "")
    check_cron(cron)


def test_the_time_zone_is_kept() -> None:
    assert cron_of({"hour": 5, "timezone": "Europe/Berlin"}) == ("0 5 * * *", "Europe/Berlin")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"hour": None},
        {"timezone": "UTC"},
        {"year": 2030, "hour": 1},
        {"week": 3},
        {"hour": 1, "start_date": "2030-01-01"},
        {"hour": 1, "jitter": 30},
        {"jitter": 0},
        {"week": "*/2"},
        {"day_of_week": "mon, , fri"},
        {"hours": 1},
        {"h" * 9999: 1},
        {"hour": [1, 2]},
        {"hour": True},
        {"hour": 1.5},
        {"hour": "1 2"},
        {"minute": "1\t2"},
        {"day": 1, "day_of_week": "mon"},
        {"day_of_week": 7},
        {"day_of_week": "fri-mon"},
        {"day_of_week": "*-3"},
        {"day_of_week": "mon/0"},
        {"day_of_week": "noday"},
        {"day_of_week": "1," * 9999},
        {"day_of_week": "٣"},
    ],
)
def test_what_cron_cannot_say_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        cron_of(fields)
    assert caught.value.fix and len(str(caught.value)) < 600
