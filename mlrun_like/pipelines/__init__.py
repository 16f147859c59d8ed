"""Batch pipelines: trace a Python function into a plan, check it as a whole, run it.

values.py      what is not known before the run, and conditions on it
texts.py       values in f-strings
refs.py        its kinds: parameters, outputs, items of loops, lists of them
nodes.py       what a plan is made of: steps, branches, loops, exit handlers, parts
plan.py        Plan: immutable, printable as text, Mermaid and SVG
check.py       every mistake of a plan at once, before the first step: scopes.py (what references
               see), groups.py (empty groups, names), compatible.py with hints.py (types),
               reachable.py with domains.py (branches that never run)
pictures.py    the listing; blocks.py, flowchart.py (Mermaid), svg.py, style.py draw a plan,
               tallies.py counts what became of its steps
progress.py    what people see while it runs: a picture, a table, lines
parameters.py  its parameters; scheduled.py: it runs by itself, at times or on events
tracing.py, handles.py, declared.py, lines.py  how calls of functions become steps
dsl.py         the words for control flow: If, Else, ParallelFor, Collected, ExitHandler, ...
pipeline.py    @pipeline; parameters.py and returned.py read its signature and what it returns
cache.py       steps that an equal earlier one stands in for; keys.py: what a step depends on,
               contents.py: what stands for an input's data
explain.py     what a run would do, and why, without running anything
engine/        LocalEngine: steps side by side as soon as what they need is there
run.py         PipelineRun: what happened, step by step
"""

from __future__ import annotations

from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.dsl import otherwise, when
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import Pipeline, pipeline
from mlrun_like.pipelines.run import PipelineRun

__all__ = ["LocalEngine", "Pipeline", "PipelineRun", "dsl", "otherwise", "pipeline", "when"]
