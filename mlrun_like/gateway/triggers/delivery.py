"""An event or batch on its way: answers, tries, waiting, dead letters."""

from __future__ import annotations

import base64
import logging
import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.door import Answer, Door
from mlrun_like.gateway.triggers.event import Event, batch_body, headers_of, read_answers
from mlrun_like.gateway.triggers.lanes import Lanes
from mlrun_like.gateway.triggers.numbers import Numbers
from mlrun_like.streams.backoff import Backoff

__all__ = ["Courier"]

_LOG = logging.getLogger("mlrun_like.gateway.triggers")
_NO_ACK = "x-nuclio-stream-no-ack"


class Courier:
    """One worker of a trigger: takes events to the gateway, one request at a time.

    Args:
        config: The trigger.
        door: Its connection.
        lanes: Where events wait.
        numbers: What is counted.
        bury: Puts a dead letter away.
        settled: Is told of events that are done, and whether the handler keeps them
            unacknowledged.
    """

    def __init__(
        self,
        config: TriggerConfig,
        door: Door,
        lanes: Lanes,
        numbers: Numbers,
        bury: Callable[[Event], str],
        settled: Callable[[Event, bool], None],
    ) -> None:
        self._config, self._door, self._lanes = config, door, lanes
        self._numbers, self._bury, self._settled = numbers, bury, settled
        self._stop = threading.Event()
        self._away = Backoff(0.05, 2.0)
        self._busy = self._replaced = False
        self.thread = threading.Thread(target=self._run, name=f"courier {config.id}", daemon=True)

    def end(self) -> None:
        """Give up what is waited for; a request under way is answered first."""
        self._stop.set()

    def replace(self) -> None:
        """Break off the request under way; its event counts as done."""
        if self._busy:
            self._replaced = True
            self._door.break_off()

    def abandon(self) -> None:
        """Break off the request under way; its event is handed out again later."""
        self._stop.set()
        self._door.break_off()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                events = self._lanes.take()
                if events is None:
                    break
                self._replaced, self._busy = False, True
                try:
                    self._deliver(events)
                except Exception as exc:  # noqa: BLE001  the thread's boundary: the trigger goes on
                    _LOG.exception("trigger %s", self._config.id)
                    self._numbers.failed(f"{type(exc).__name__}: {exc}")
                    self._failed(events, events, f"{type(exc).__name__}: {exc}")
                finally:
                    self._busy = False
        finally:
            self._door.close()

    def _deliver(self, events: list[Event]) -> None:
        config = self._config
        if config.batch_size:
            headers, body = batch_body(config, events)
        else:
            headers, body = headers_of(config, events[0]), events[0].body
        target = f"/{config.key}{events[0].path}"
        answer = self._answer(target, headers, body)
        if answer is None:
            if self._replaced:
                self._numbers.add("skipped", len(events))
                for event in events:
                    self._settled(event, False)
                self._lanes.done(events)
            return  # this trigger ends: nothing is acknowledged
        self._numbers.add("requests")
        if config.batch_size:
            self._judge_batch(events, answer)
            return
        if answer.status < 400:
            self._succeeded(events[0], answer.headers)
            self._lanes.done(events)
        else:
            self._failed(events, events, _why(answer.status, answer.body))

    def _answer(self, target: str, headers: list[tuple[str, str]], body: bytes) -> Answer | None:
        """The function's answer, however long it takes to reach it; None: given up."""
        while not self._stop.is_set():
            try:
                answer = self._door.post(target, headers, body)
            except OSError as exc:
                if self._replaced:
                    return None
                delay = self._away.delay()
                self._numbers.waits(f"the gateway cannot be reached: {exc}")
            else:
                self._away.reset()
                asked = answer.wait
                if asked is None:
                    return answer
                delay = asked * random.uniform(0.5, 1.0)
                self._numbers.waits(_why(answer.status, answer.body))
            self._stop.wait(delay)
            if self._replaced:
                return None
        return None

    def _judge_batch(self, events: list[Event], answer: Answer) -> None:
        rows = read_answers(answer.body)
        if answer.status >= 400 or not rows:
            why = _why(answer.status, answer.body)
            if answer.status < 400:
                for event in events:
                    self._succeeded(event, answer.headers)
                self._lanes.done(events)
            elif len(events) == 1:
                self._failed(events, events, why)
            else:  # which one it was is not known: each by itself, and no try is counted
                for event in events:
                    event.alone = True
                self._numbers.failed(why)
                self._numbers.add("errors")
                self._numbers.add("retries", len(events))
                self._lanes.again(events, events, self._pause(1))
            return
        failed = []
        for event in events:
            row = rows.get(event.id)
            status = _status(row)
            if status < 400:
                self._succeeded(event, (row or {}).get("headers") or {})
            else:
                event.error = _why(status, _body(row))
                failed.append(event)
        if failed:
            self._failed(events, failed, "")
        else:
            self._lanes.done(events)

    def _succeeded(self, event: Event, headers: dict[str, Any]) -> None:
        lines = {str(name).lower(): str(value) for name, value in headers.items()}
        mode = self._config.ack_mode
        kept = mode == "explicitOnly" or (
            mode == "enable" and lines.get(_NO_ACK, "").lower() == "true"
        )
        self._numbers.answered(1)
        self._settled(event, kept)

    def _failed(self, events: Sequence[Event], failed: Sequence[Event], why: str) -> None:
        """Count a try of each that failed; those that had their last one are buried."""
        again: list[Event] = []
        unburied = 0.0
        for event in failed:
            event.tries += 1
            event.error = why or event.error
            self._numbers.add("errors")
            self._numbers.failed(event.error)
            if event.tries < self._config.attempts:
                again.append(event)
                continue
            try:
                place = self._bury(event)
            except Exception as exc:  # noqa: BLE001  whatever it is, the event must not be lost
                event.tries -= 1  # not its own fault
                unburied = 1.0
                again.append(event)
                told = exc.what if isinstance(exc, MLRunLikeError) else repr(exc)
                self._numbers.failed(f"a dead letter has no place: {told}")
                continue
            self._numbers.add("dead_letters")
            _LOG.warning(
                "trigger %s: event %s is a dead letter after %d tries, in %s",
                *(self._config.id, event.id, event.tries, place),
            )
            self._settled(event, False)
        if again:
            self._numbers.add("retries", len(again))
            tries = max(event.tries for event in again)
            self._lanes.again(events, again, max(unburied, self._pause(tries)))
        else:
            self._lanes.done(events)

    def _pause(self, tries: int) -> float:
        config = self._config
        most = min(config.most_delay, config.first_delay * 2.0 ** min(max(0, tries - 1), 40))
        return most * random.uniform(0.5, 1.0)


def _why(status: int, body: bytes) -> str:
    text = body[:400].decode("utf-8", "replace").strip()
    return f"{status}: {text}" if text else str(status)


def _status(row: dict[str, Any] | None) -> int:
    """The status of an event's answer in a batch; none: the handler forgot it."""
    if row is None:
        return 500
    try:
        return int(row.get("status", 200))
    except (TypeError, ValueError):
        return 500


def _body(row: dict[str, Any] | None) -> bytes:
    if row is None:
        return b"the handler gave no answer for this event"
    try:
        return base64.b64decode(row.get("body64") or "")
    except ValueError:
        return b""
