"""Small pipelines that use every kind of control flow; each engine must do the same with them."""

# mypy: disable-error-code="arg-type,call-arg,attr-defined"
# calls are recorded while a pipeline is built, so references stand where values are wanted
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.pipeline import Pipeline, pipeline

__all__ = ["PROGRAMS", "Program"]


@dataclass(frozen=True)
class Program:
    """A pipeline with arguments for it."""

    name: str
    flow: Pipeline
    arguments: dict[str, Any] = field(default_factory=dict)


@function(returns=["value"])
def add(a: int, b: int = 1) -> int:
    return a + b


@function(returns=["value"])
def say(text: str = "none", more: str = "") -> str:
    return f"{text}{more}"


@function(returns=["items"])
def rows(n: int) -> list[int]:
    return [10 * (i + 1) for i in range(n)]


@function(returns=["value"])
def total(values: list[Any]) -> Any:
    flat = [v for item in values for v in (item if isinstance(item, list) else [item])]
    return sum(flat)


@function(returns=["value"])
def count(values: list[Any]) -> int:
    return len(values)


@function(returns=["low", "high", "label"])
def spread(n: int) -> tuple[int, int, str]:
    return -n, n, "big" if n > 5 else "small"


@function(returns=["value"])
def half(n: int) -> float:
    return n / 2


@function(returns=["value"])
def fits(n: int) -> bool:
    return n > 2


@function(returns=["value"])
def explode(n: int = 0) -> int:
    raise ValueError(f"boom {n}")


@function(returns=["value"])
def picky(n: int) -> int:
    if n == 2:
        raise ValueError("not 2")
    return n


@function(returns=["value"])
def told(status: dict[str, Any]) -> str:
    return str(status["state"])


@function(returns=["value"])
def show(value: Any) -> str:
    return repr(sorted(value.items()) if isinstance(value, dict) else value)


PROGRAMS: list[Program] = []


def program(**arguments: Any) -> Callable[[Any], Pipeline]:
    """Add a pipeline, run with these arguments; several times for several runs."""

    def note(flow: Any) -> Pipeline:
        made = flow if isinstance(flow, Pipeline) else pipeline(flow)
        number = sum(1 for each in PROGRAMS if each.flow is made)
        name = f"{made.name}-{number + 1}" if number else made.name
        PROGRAMS.append(Program(name, made, arguments))
        return made

    return note


@program(n=3)
def sequence(n: int) -> Any:
    first: Any = add(n)
    return {"last": add(add(first, first.output))}


@program()
@program(n=7, word="yes")
def defaults(n: int = 2, word: str = "no") -> Any:
    say(word, f"-{n}")
    return add(n)


@program()
@program(n=3)
def a_parameter_that_may_be_none(n: int | None = None) -> None:
    show(n)
    with dsl.If(n == 3):
        say("three")
    with dsl.Else():
        show.step(name="other", params={"value": [n, "x"]})


@program(n=9)
@program(n=1)
def branch_on_an_output(n: int) -> None:
    found: Any = add(n)
    with dsl.If(found.output >= 5):
        say.step(name="large", params={"text": "large"})
    with dsl.Else():
        say.step(name="small", params={"text": "small"})


@program(mode="fast")
@program(mode="slow")
def branch_on_a_text_parameter(mode: str) -> None:
    with dsl.If(mode == "fast"):
        say.step(name="fast", params={"text": mode})
    with dsl.If(mode != "fast"):
        say.step(name="other", params={"text": mode})


@program(flag=True)
@program(flag=False)
def branch_on_a_flag(flag: bool) -> None:
    with dsl.If(flag == True):  # noqa: E712
        add.step(name="on", params={"a": 1})
    with dsl.Else():
        add.step(name="off", params={"a": 0})


@program(n=1)
@program(n=5)
@program(n=20)
def elif_chain(n: int) -> None:
    size: Any = add(n)
    with dsl.If(size.output > 10):
        say.step(name="high", params={"text": "high"})
    with dsl.Elif(size.output > 4):
        say.step(name="middle", params={"text": "middle"})
    with dsl.Else():
        say.step(name="low", params={"text": "low"})


@program(n=3)
@program(n=8)
def nested_ifs(n: int) -> None:
    first: Any = add(n)
    with dsl.If(first.output > 2):
        second: Any = add.step(name="second", params={"a": first.output})
        with dsl.If(second.output > 6):
            add.step(name="deep", params={"a": second.output})
        with dsl.Else():
            add.step(name="flat", params={"a": second.output})
    with dsl.Else():
        add.step(name="never", params={"a": 0})


@program(n=4)
@program(n=40)
@program(n=0)
def joined_conditions(n: int) -> None:
    one: Any = spread(n)
    with dsl.If((one.outputs["high"] > 2) & (one.outputs["label"] == "small")):
        say.step(name="both", params={"text": "both"})
    with dsl.If((one.outputs["high"] > 20) | (one.outputs["low"] == 0)):
        say.step(name="either", params={"text": "either"})
    with dsl.If(~((one.outputs["high"] > 20) | (n == 0))):
        say.step(name="neither", params={"text": "neither"})


@program(n=6)
def values_of_many_types(n: int) -> None:
    with dsl.If(half(n).output == 3.0):
        show.step(name="float", params={"value": half(n)})
    with dsl.If(fits(n).output == True):  # noqa: E712
        show.step(name="flag", params={"value": {"a": [1, 2.5, None, True, "x"], "n": n}})


@program(n=3)
@program(n=4)
def two_outputs_compared(n: int) -> None:
    one: Any = add(n)
    two: Any = add.step(name="two", params={"a": 3})
    with dsl.If(one.output > two.output):
        say.step(name="more", params={"text": "more"})
    with dsl.Else():
        say.step(name="not-more", params={"text": "not more"})


@program()
def static_loop() -> None:
    with dsl.ParallelFor([1, 2, 3]) as n:
        again: Any = add(n)
        add.step(name="twice", params={"a": again.output})


@program(names=["a", "b"])
@program(names=[])
def parameter_loop(names: list[str]) -> None:
    with dsl.ParallelFor(names, parallelism=1) as name:
        say(name, "!")


@program(n=3)
@program(n=0)
def runtime_loop(n: int) -> Any:
    found: Any = rows(n)
    with dsl.ParallelFor(found.output) as item:
        part: Any = add(item)
    return {"sum": total(dsl.Collected(part.output))}


@program()
def nested_loops() -> Any:
    with dsl.ParallelFor([1, 2], name="outer") as a:
        with dsl.ParallelFor([10, 20, 30], name="inner") as b:
            cell: Any = add(a, b)
        line: Any = total.step(name="line", params={"values": dsl.Collected(cell.output)})
    show.step(name="grid", params={"value": dsl.Collected(cell.output)})
    return {"sum": total.step(name="all", params={"values": dsl.Collected(line.output)})}


@program()
def nested_runtime_loops() -> None:
    with dsl.ParallelFor([1, 2], name="outer") as a:
        inner: Any = rows(a)
        with dsl.ParallelFor(inner.output, name="inner") as b:
            cell: Any = add(b, a)
        count(dsl.Collected(cell.output))


@program(n=2)
def loop_with_outer_values(n: int) -> None:
    one: Any = add(n)
    with dsl.ParallelFor([1, 2]) as item:
        two: Any = add(item, one.output)
        with dsl.If(one.output > 2), dsl.ParallelFor([5, 6]) as deeper:
            add.step(name="deep", params={"a": deeper, "b": two.output})
            say(f"{item} {deeper} {n} {one.output}")


@program()
def branches_side_by_side() -> None:
    one: Any = add(1)
    two: Any = add(10)
    with dsl.If(one.output == 2), dsl.If(two.output != 11):
        say.step(name="closed", params={"text": "closed"})
    with dsl.If(one.output == 2):
        kept: Any = say.step(name="kept", params={"text": 'it\'s "quoted" \\ {{$}}'})
        with dsl.If(kept.output == 'it\'s "quoted" \\ {{$}}'):
            say.step(name="same", params={"text": kept.output})


@program(n=0)
@program(n=2)
def one_of_in_a_loop(n: int) -> None:
    with dsl.ParallelFor([0, 1, 2]) as item:
        with dsl.If(item > n):
            more: Any = add.step(name="more", params={"a": item, "b": 100})
        with dsl.Else():
            less: Any = add.step(name="less", params={"a": item, "b": -100})
        chosen: Any = add.step(name="chosen", params={"a": dsl.OneOf(more.output, less.output)})
    total(dsl.Collected(chosen.output))


@program()
def loop_over_mappings() -> None:
    with dsl.ParallelFor([{"lr": 0.1, "name": "a"}, {"lr": 0.5, "name": "b"}]) as item:
        say(item.name, f"={item.lr}")
        with dsl.If(item.lr > 0.2):
            show(item)


@program()
def branch_in_a_loop() -> None:
    with dsl.ParallelFor([1, 5, 9]) as n:
        with dsl.If(n > 4):
            big: Any = add.step(name="big", params={"a": n})
            add.step(name="bigger", params={"a": big.output})
        with dsl.Else():
            add.step(name="tiny", params={"a": n})


@program(n=1)
@program(n=3)
def loop_in_a_branch(n: int) -> None:
    with dsl.If(n > 2), dsl.ParallelFor([1, 2]) as item:
        add(item, n)
    with dsl.Else():
        say("no loop")


@program()
def collected_from_some_rounds() -> None:
    with dsl.ParallelFor([1, 5, 9]) as n, dsl.If(n > 4):
        big: Any = add.step(name="big", params={"a": n})
    total(dsl.Collected(big.output))


@program(n=1)
@program(n=8)
def one_of(n: int) -> Any:
    with dsl.If(n > 5):
        high: Any = say.step(name="high", params={"text": "high"})
    with dsl.Else():
        low: Any = say.step(name="low", params={"text": "low"})
    return {"text": say.step(name="end", params={"text": dsl.OneOf(high.output, low.output)})}


@program()
def exit_handler() -> None:
    with dsl.ExitHandler(told()):
        add(add(1))


@program()
def exit_handler_after_a_failure() -> None:
    with dsl.ExitHandler(told()):
        bad: Any = explode(1)
        add(bad)
        add.step(name="beside", params={"a": 1})
    add.step(name="outside", params={"a": 2})


@program(n=0)
@program(n=1)
def exit_handler_in_a_branch(n: int) -> None:
    with dsl.If(n == 1), dsl.ExitHandler(told()):
        add(n)


@pipeline
def inner(n: int) -> Any:
    first: Any = add.step(name="inner-add", params={"a": n})
    with dsl.If(first.output > 3):
        add.step(name="inner-more", params={"a": first.output})
    return first


@program(n=1)
@program(n=4)
def nested_pipelines(n: int) -> Any:
    return {"end": add(inner(add(n)))}


@program()
def failure_skips_what_follows() -> None:
    bad: Any = explode(2)
    after: Any = add.step(name="after", params={"a": bad.output})
    add.step(name="later", params={"a": after.output})
    add.step(name="ordered", params={"a": 1}).after(bad)
    add.step(name="beside", params={"a": 1})


@program()
def failure_in_a_gate() -> None:
    bad: Any = explode(2)
    with dsl.If(bad.output > 1):
        add.step(name="inside", params={"a": 1})
    with dsl.Else():
        add.step(name="other", params={"a": 1})


@program()
def failure_in_one_round() -> None:
    with dsl.ParallelFor([1, 2, 3]) as n:
        kept: Any = picky(n)
        add(kept)
    total(dsl.Collected(kept.output))
    say("beside")


@program()
def ignored_failure() -> None:
    bad: Any = explode(2)
    say.step(name="anyway", params={"text": bad.output}).ignore_upstream_failure()
    say.step(name="after-all", params={"text": "x"}).after(bad).ignore_upstream_failure()


@program()
def retried_failure() -> None:
    explode(3).set_retry(2, backoff_duration=0)


@program()
def after_chain() -> None:
    one: Any = add(1)
    two: Any = add.step(name="two", params={"a": 2}).after(one)
    with dsl.ParallelFor([1, 2]) as n:
        add.step(name="round", params={"a": n}).after(two)
    add.step(name="last", params={"a": 9}).after("round")


@program(n=1)
@program(n=9)
def after_a_skipped_step(n: int) -> None:
    with dsl.If(n > 5):
        gated: Any = add.step(name="gated", params={"a": n})
    add.step(name="always", params={"a": 0}).after(gated)


@program(n=1)
@program(n=9)
def value_of_a_skipped_step(n: int) -> None:
    with dsl.If(n > 5):
        gated: Any = add.step(name="gated", params={"a": n})
    user: Any = add.step(name="user", params={"a": gated.output})
    add.step(name="second", params={"a": user.output})


@program(n=2, who="you")
def texts(n: int, who: str) -> None:
    found: Any = add(n)
    say(f"{who} has {found.output} of {n}")
    with dsl.ParallelFor(["x", "1"]) as item:
        say.step(name="each", params={"text": f"<{item}>", "more": item})


@program()
def nested_values() -> None:
    one: Any = add(1)
    show({"list": [one.output, {"deep": one.output}], "plain": "$x {{ y }} 'z'"})


@program(n=3)
def loop_with_made_items(n: int) -> None:
    one: Any = add(n)
    with dsl.ParallelFor([one.output, 7, "text"]) as item:
        show(item)
    with dsl.ParallelFor(one.output, name="times") as number:
        show.step(name="number", params={"value": number})


@program()
def many_outputs() -> None:
    one: Any = spread(7)
    show.step(name="low", params={"value": one.outputs["low"]})
    show.step(name="label", params={"value": one.outputs["label"]})


@program()
def large_values() -> None:
    big: Any = say("x" * 100_000)
    show(big.output)
