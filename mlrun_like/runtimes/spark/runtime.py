"""The `spark` and `remote-spark` kinds."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from mlrun_like.errors import EngineError
from mlrun_like.registry import load, resolve
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.explain import Clue, explain_end
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.kubernetes.access import no_cluster
from mlrun_like.runtimes.processes import PACKAGE_ROOT, Ending
from mlrun_like.runtimes.programs import Program, ProgramRuntime, write_payload
from mlrun_like.runtimes.spark import checks, submit
from mlrun_like.runtimes.spark.conf import master_of, properties
from mlrun_like.runtimes.spark.driving import EAGER, REASON, SUBMITTER
from mlrun_like.runtimes.spark.explain import cause_in, clarified, without_stack
from mlrun_like.runtimes.spark.session import session
from mlrun_like.runtimes.workplace import own_variables, workplace_of
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.process import own_start_time

__all__ = ["SparkRuntime"]

_PROVIDER = "mlrun_like.runtimes.spark.session:provide"
_NAMES = ("spark", "SparkSession")
_LOOKED_AT = 1 << 18
"""Bytes at the end of the log that are searched for a cause."""
_PROVIDE = dict.fromkeys(_NAMES, _PROVIDER)


class SparkRuntime(ProgramRuntime):
    """Runs a function as the driver of a Spark application.

    The master is `spec.spark_master` or the setting `spark_master`: `local[...]`, a standalone
    master or `k8s://`. Without one the run is a SparkApplication where a cluster is configured, and
    else runs with `local[*]`. The handler gets the session as argument `spark` (or by the hint
    SparkSession), as `context.spark`, and by `SparkSession.builder.getOrCreate()`.
    """

    kind: ClassVar[str] = "spark"
    extra: ClassVar[str] = "spark"
    provides: ClassVar[frozenset[str]] = frozenset(_NAMES)

    def __init__(self) -> None:
        self._reason = ""

    def unavailable(self, document: FunctionDoc) -> str:
        """See Runtime.unavailable: a cluster's operator needs no Spark here."""
        del document
        if not no_cluster():
            return ""
        try:
            submit.submit_program()
        except EngineError as exc:
            return f"{exc.what} ({exc.fix})"
        return ""

    def check(self, document: FunctionDoc, run: RunDoc) -> Iterable[Finding]:
        """See Runtime.check."""
        master = self._master(document)
        found = [*checks.check_definition(document, master), *checks.check_sweep(document, run)]
        if not master:
            found += checks.check_name(document, run.metadata.name)
            found += resolve("mlrun_like.runtimes.spark.application:check")(document)
        elif not found:  # what is wrong with the function would show again
            found += checks.check_engine(document, master)
        return found

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        self._reason = ""
        if not self._master(job.function):
            submit_application = resolve("mlrun_like.runtimes.spark.application:attempt")
            run: RunDoc = submit_application(job, _PROVIDE, {EAGER: _wants_session(job)})
        elif _is_jvm_program(job.function):
            return self._submit_jvm_program(job)
        else:
            run = super().attempt(job)
        return _explained(job, run)

    def provide_here(self, job: Job) -> Mapping[str, Callable[[], Any]]:
        """See Runtime.provide_here: the session of this process, with the function's properties."""
        document = job.function
        master = master_of(document) or "local[*]"
        wanted = {"spark.app.name": job.run.metadata.name, **properties(document, master)}
        wanted["spark.master"] = master
        make = partial(session, {**wanted, "spark.ui.showConsoleProgress": "false"})
        return dict.fromkeys(_NAMES, make)

    def program(self, job: Job, folder: Path) -> Program:
        """See ProgramRuntime.program."""
        place = workplace_of(job.function)
        payload = write_payload(
            job,
            folder,
            provide=_PROVIDE,
            **{EAGER: _wants_session(job), SUBMITTER: (os.getpid(), own_start_time(os.getpid()))},
        )
        # Alone in a folder: what lies beside a program goes before the standard library.
        driver = shutil.copyfile(submit.DRIVER, folder / "driver.py")
        argv = self._command(job, folder, [str(driver), PACKAGE_ROOT, str(payload)])
        env = submit.driver_environment(place.own, folder / "scratch")
        return Program(argv, env, place.cwd)

    def last(self, job: Job, folder: Path) -> RunDoc | None:
        """See ProgramRuntime.last."""
        reason = folder / REASON
        self._reason = reason.read_text(encoding="utf-8") if reason.is_file() else ""
        return super().last(job, folder)

    def explain(self, job: Job, ending: Ending, tail: str) -> str:
        """See ProgramRuntime.explain."""
        if self._reason:
            return self._reason
        found = cause_in(tail)
        if found is not None:
            return f"{found.what}\n  fix: {found.fix}"
        return explain_end(ending.code, tail, Clue(where=f"run {job.run.metadata.name!r}"))

    def _master(self, document: FunctionDoc) -> str:
        """The master, `local[*]` where nothing else is configured; empty: a SparkApplication."""
        found = master_of(document)
        if found:
            return found
        if document.kind == "spark" and resolve("mlrun_like.runtimes.spark.application:usable")():
            return ""
        return "local[*]"

    def _command(self, job: Job, folder: Path, program: list[str]) -> list[str]:
        document = job.function
        master = self._master(document)
        own, _ = own_variables(document)
        extra = {f"spark.executorEnv.{name}": value for name, value in own.items()}
        extra["spark.ui.showConsoleProgress"] = "false"  # a log is no terminal
        files = {}
        code = submit.write_code(document, folder)
        if code is not None and not _take_code(document, master, code, extra):
            files["code"] = str(code)
        files["properties"] = str(submit.write_properties(document, master, folder, extra))
        return submit.command(document, job.run.metadata.name, master, files, program)

    def _submit_jvm_program(self, job: Job) -> RunDoc:
        """A program for the JVM cannot record itself: spark-submit is the run's process."""
        spec = job.function.spec
        arguments = [str(item).format(**job.run.spec.parameters) for item in spec.args]
        with tempfile.TemporaryDirectory(prefix="mlrun-like-") as name:
            argv = self._command(job, Path(name), [spec.command, *arguments])
            document = job.function.model_copy(deep=True)
            document.spec.command = argv[0]
            document.spec.args = [item.replace("{", "{{").replace("}", "}}") for item in argv[1:]]
            document.spec.mode = "pass"
            run: RunDoc = load("runtimes", "process")().attempt(replace(job, function=document))
        return run


def _take_code(document: FunctionDoc, master: str, code: Path, extra: dict[str, str]) -> bool:
    """Show the modules to executors inside the driver's process: Spark takes a third of a second
    to resolve `--py-files`."""
    name = "spark.executorEnv.PYTHONPATH"
    if not re.match(r"local(\[|$)", master) or name in document.spec.spark_conf:
        return False
    extra[name] = os.pathsep.join([str(code), *([extra[name]] if extra.get(name) else [])])
    return True


def _is_jvm_program(document: FunctionDoc) -> bool:
    spec = document.spec
    return (
        bool(spec.main_class)
        or spec.job_type in ("Java", "Scala")
        or (spec.command.endswith(".jar") and not spec.build.functionSourceCode)
    )


def _wants_session(job: Job) -> bool:
    """Whether the handler's signature asks for a session, which is then made at once."""
    point = job.function.spec.entry_points.get(job.run.spec.handler)
    if point is None:
        return False
    return any(
        item.name in _NAMES or item.type.rpartition(".")[2] in _NAMES for item in point.parameters
    )


def _explained(job: Job, run: RunDoc) -> RunDoc:
    """Shorten an error that is Java's, and add the cause that the log names."""
    status, meta = run.status, run.metadata
    if status.state not in ("error", "pending") or not status.error:
        return run
    job.store.flush()
    size = job.store.log_size(meta.project, meta.uid)
    log = job.store.read_log(meta.project, meta.uid, max(0, size - _LOOKED_AT)).decode(
        "utf-8", "replace"
    )
    error = clarified(without_stack(status.error), f"{status.traceback}\n{log}")
    if error != status.error:
        status.error = error
        if status.attempts:
            status.attempts[-1]["error"] = error
        job.store.store_run(run.to_dict())
    return run
