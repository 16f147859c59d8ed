"""Batch pipelines: trace a Python function into a plan, check it as a whole, run it.

refs.py        what is not known before the run: parameters, outputs, and conditions on them
plan.py        Plan and Step: immutable, printable as text and Mermaid
check.py       every mistake of a plan at once, before the first step
tracing.py     how calls of functions become steps; handles, when(), otherwise()
pipeline.py    @pipeline
engine.py      LocalEngine: steps in threads as soon as what they need is there
run.py         PipelineRun: what happened, step by step
"""

from __future__ import annotations

from mlrun_like.pipelines.engine import LocalEngine
from mlrun_like.pipelines.pipeline import Pipeline, pipeline
from mlrun_like.pipelines.run import PipelineRun
from mlrun_like.pipelines.tracing import otherwise, when

__all__ = ["LocalEngine", "Pipeline", "PipelineRun", "otherwise", "pipeline", "when"]
