"""A thread in the driver that ends waits which Spark would never end.

Spark waits without limit for executors. When no worker of a standalone master can ever hold one,
or all that could are lost in mid-run, the run shall fail and say so.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.runtimes.spark.master import (
    MasterState,
    Need,
    addresses_of,
    need_of,
    reachable,
    read_state,
    why_none_fits,
)
from mlrun_like.runtimes.spark.session import active_context

__all__ = ["Waiting", "master_page", "watch"]

_EVERY = 0.5


def watch(give_up: Callable[[str], None]) -> None:
    """Watch this process's Spark context, once it has one, until the process ends.

    Args:
        give_up: Called with the reason, in words, when waiting further is of no use.
    """
    threading.Thread(target=_loop, args=(give_up,), name="mlrun-like-watch", daemon=True).start()


class Waiting:
    """Decides whether an application waits in vain.

    Args:
        master: The master's URL.
        need: What one executor takes.
        patience: Seconds that it may wait for a worker to come back.
        ask: Gives the master's state; None: it does not answer.
        say: Takes a line for the run's log.
    """

    def __init__(
        self,
        master: str,
        need: Need,
        patience: float,
        ask: Callable[[], MasterState | None],
        say: Callable[[str], None],
    ) -> None:
        self._master = master
        self._need = need
        self._patience = patience
        self._ask = ask
        self._say = say
        self._hosts: set[str] = set()
        self._since: float | None = None
        self._told = False

    def look(self, now: float, hosts: set[str], working: bool) -> str:
        """Take note of the present; gives the reason to give up, or nothing.

        Args:
            now: A monotonic time.
            hosts: Where executors are.
            working: Whether a job has been submitted.
        """
        if hosts:
            self._hosts, self._since, self._told = hosts, None, False
            return ""
        if self._hosts and not working:  # executors may leave while there is nothing to do
            return ""
        state = self._ask()
        if self._since is None:
            self._since = now
        waited = now - self._since
        if state is None:
            reason = reachable(self._master)
            if reason and waited >= self._patience:
                return f"the master does not answer ({reason}) and {self._lost()}"
            return ""
        reason = why_none_fits(state, self._need)
        if not reason:
            self._tell_queue(state, waited)
            return ""
        if state.alive and not self._hosts:
            return f"{reason}. Spark would wait for ever; {self._fix(state)}"
        if waited < self._patience:
            return ""
        return f"{self._lost()}, and {reason} for {waited:.0f} s"

    def _lost(self) -> str:
        if self._hosts:
            return f"the executors on {', '.join(sorted(self._hosts))} were lost"
        return "the run got no executor"

    def _fix(self, state: MasterState) -> str:
        largest = state.alive[0]
        return (
            f'ask for less, such as fn.with_executor_requests(mem="{largest.memory}m", '
            f"cpu={largest.cores})"
        )

    def _tell_queue(self, state: MasterState, waited: float) -> None:
        others = [f"{name} ({cores} cores)" for name, cores in state.applications if cores]
        if others and waited > 5 and not self._told:
            self._told = True
            self._say(f"waiting for executors; the cluster runs {', '.join(others[:5])}")


def _loop(give_up: Callable[[str], None]) -> None:
    context, waiting = None, None
    while True:
        time.sleep(_EVERY)
        found = active_context()
        if getattr(found, "_jsc", None) is None:  # not yet, or stopped
            continue
        with contextlib.suppress(Exception):  # the context may end at any moment
            if found is not context:
                context, waiting = found, _waiting(found)
            if waiting is None:
                return
            reason = waiting.look(time.monotonic(), _executor_hosts(found), _working(found))
            if reason:
                give_up(reason)


def _waiting(context: Any) -> Waiting | None:
    master = str(context.master)
    if not master.startswith("spark://"):
        return None
    properties = {str(key): str(value) for key, value in context.getConf().getAll()}
    page = master_page(context)
    return Waiting(
        master,
        need_of(properties),
        float(config.spark_patience),
        lambda: read_state(master, page),
        _say,
    )


def _say(text: str) -> None:
    sys.stderr.write(f"mlrun-like: {text}\n")
    sys.stderr.flush()


def _executor_hosts(context: Any) -> set[str]:
    """The hosts of executors; the driver is in Spark's list too."""
    hosts = [str(row.host()) for row in context._jsc.sc().statusTracker().getExecutorInfos()]
    driver = str(context.getConf().get("spark.driver.host"))
    if driver in hosts:
        hosts.remove(driver)
    else:
        hosts = hosts[1:]
    return set(hosts)


def _working(context: Any) -> bool:
    return bool(context.statusTracker().getActiveJobsIds())


def master_page(context: Any) -> str:
    """The address of the master's web page; empty if the master does not tell.

    The master is asked over the connection that the driver has to it, for the ports that it
    listens on (message BoundPortsRequest).
    """
    if config.spark_master_ui:
        return str(config.spark_master_ui)
    for host, port in addresses_of(str(context.master)):
        try:
            return f"http://{host}:{_ask_port(context, host, port)}"
        except MLRunLikeError:
            raise
        except Exception:  # noqa: BLE001 - a Java error of any kind: the page is a help only
            continue
    return ""


def _ask_port(context: Any, host: str, port: int) -> int:
    jvm = context._jvm
    spark = jvm.org.apache.spark
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()

    def kind(name: str) -> Any:
        return jvm.java.lang.Class.forName(f"org.apache.spark.{name}", True, loader)

    # Looked up by its exact type: listing the methods of SparkEnv needs classes that are not there.
    handles = jvm.java.lang.invoke
    signature = handles.MethodType.methodType(kind("rpc.RpcEnv"))
    method = handles.MethodHandles.publicLookup().findVirtual(kind("SparkEnv"), "rpcEnv", signature)
    arguments = context._gateway.new_array(jvm.java.lang.Object, 1)
    arguments[0] = context._jsc.sc().env()
    environment = method.invokeWithArguments(arguments)
    reference = environment.setupEndpointRef(spark.rpc.RpcAddress(host, port), "Master")
    messages = "deploy.master.MasterMessages$BoundPorts"
    request = getattr(getattr(jvm, f"org.apache.spark.{messages}Request$"), "MODULE$")
    tag = jvm.scala.reflect.ClassTag.apply(kind(f"{messages}Response"))
    return int(reference.askSync(request, tag).webUIPort())
