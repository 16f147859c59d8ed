"""BatchHttpRequests: one request for each item of a body, at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StepError
from mlrun_like.serving.engine.failures import status_of
from mlrun_like.serving.event import Event
from mlrun_like.serving.remote.asking import Asking, checked, compiled
from mlrun_like.serving.remote.step import CallingStep

__all__ = ["BatchHttpRequests"]

_AT_ONCE = 32


class BatchHttpRequests(CallingStep):
    """Sends each item of a list to a server; goes on with the list of answers, in order.

    Otherwise as `RemoteStep`. If one request fails, the others are given up and the event fails
    with its error, which names the item.

    Args:
        url: http(s) URL, or a function `[project/]name` that the context knows.
        subpath: What follows the URL.
        method: HTTP method; by default the event's.
        headers: Header values by name.
        url_expression: Python expression for an item's URL, instead of `url`; `event` is the item.
        body_expression: The same for its body.
        return_json: The answers are JSON.
        input_path: Dotted path of the list in the body.
        result_path: Dotted path in the body where the answers are put.
        retries: See `CallingStep`, as for `backoff_factor` and `timeout`.
        options: Further arguments: see `CallingStep`; `max_in_flight` is 32 here by default.

    Raises:
        InvalidArgumentError: if there is neither a URL nor an expression, or both.

    >>> BatchHttpRequests("http://models/v2/infer").max_in_flight
    32
    """

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        url: str | None = None,
        subpath: str | None = None,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        url_expression: str | None = None,
        body_expression: str | None = None,
        return_json: bool = True,
        input_path: str | None = None,
        result_path: str | None = None,
        retries: int | None = None,
        backoff_factor: float | None = None,
        timeout: float | None = None,
        max_in_flight: int | None = None,
        **options: Any,
    ) -> None:
        most = _AT_ONCE if max_in_flight is None else max_in_flight
        super().__init__(
            most, retries, backoff_factor, timeout,
            input_path=input_path, result_path=result_path, **options,
        )  # fmt: skip
        if bool(url) == bool(url_expression):
            both = "cannot set both url and url_expression"
            raise InvalidArgumentError(
                both if url else "neither url nor url_expression is set",
                where=f"step {self.name!r}",
                fix="url='http://host:8080/path', or url_expression=\"event['url']\"",
            )
        self.return_json = return_json
        self.asking = Asking(
            self.name,
            url=self.endpoint(url),
            subpath=subpath or "",
            method=(method or "").upper(),
            headers=headers,
            url_code=compiled(url_expression, "url_expression", self.name),
            body_code=compiled(body_expression, "body_expression", self.name),
            context=self.context,
        )
        self._threads: ThreadPoolExecutor | None = None

    def do_event(self, event: Event) -> Event:
        """Answer one event; a few threads send its items.

        Raises:
            StepError: if a server does not answer, or not as it should.
        """
        items = self._items(event)
        if len(items) < 2:
            return self.answered(event, [self._one(event, n, item) for n, item in enumerate(items)])
        with self.lock:
            if self._threads is None:
                most = self.max_in_flight or _AT_ONCE
                self._threads = ThreadPoolExecutor(most, thread_name_prefix=f"http-{self.name}")
            threads = self._threads
        futures = [threads.submit(self._one, event, n, item) for n, item in enumerate(items)]
        try:
            return self.answered(event, [future.result() for future in futures])
        finally:
            for future in futures:
                future.cancel()

    async def do_event_async(self, event: Event) -> Event:
        """The same for an event loop."""
        items = self._items(event)
        tasks = [
            asyncio.ensure_future(self._one_async(event, n, item)) for n, item in enumerate(items)
        ]
        try:
            return self.answered(event, list(await asyncio.gather(*tasks)))
        finally:
            for task in tasks:
                task.cancel()

    def close(self) -> None:
        """End the threads and close the connections that are not in use."""
        with self.lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        super().close()

    def _items(self, event: Event) -> Sequence[Any]:
        found = self.seen(event)
        found = found.body if isinstance(found, Event) else found
        if not isinstance(found, (list, tuple)):
            raise InvalidArgumentError(
                f"the requests are a {type(found).__name__}, not a list",
                where=f"step {self.name!r}",
                fix="send a list, or change the step's input_path",
            )
        return found

    def _one(self, event: Event, number: int, item: Any) -> Any:
        try:
            request = self.asking.request(event, item)
            return checked(self.send(request, event), request, self.name, self.return_json)
        except MLRunLikeError as exc:
            raise self._named(exc, number) from exc

    async def _one_async(self, event: Event, number: int, item: Any) -> Any:
        try:
            request = self.asking.request(event, item)
            found = await self.send_async(request, event)
            return checked(found, request, self.name, self.return_json)
        except MLRunLikeError as exc:
            raise self._named(exc, number) from exc

    def _named(self, exc: MLRunLikeError, number: int) -> StepError:
        kind = type(exc) if isinstance(exc, StepError) else StepError
        return kind(
            f"item {number}: {exc.what}", fix=exc.fix, step=self.name, status=status_of(exc)
        )
