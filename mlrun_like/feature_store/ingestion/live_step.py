"""FeatureIngest: the step of an ingestion service, which takes events into a feature set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.feature_store.definitions.records import get_feature_set
from mlrun_like.feature_store.ingestion.live_opening import LiveFeed, StreamReader
from mlrun_like.feature_store.sources.opening import open_source

__all__ = ["FeatureIngest"]


class FeatureIngest:
    """Accepts events durably and lets them be written in small batches.

    A request is an event (a JSON object) or a list of them; the answer `{"accepted": n}` comes when
    they are on disk. The path `/flush` answers when all that was accepted is in the targets.

    Args:
        context: The graph's.
        name: The step's name.
        featureset: URI of the feature set.
        source: Document of a source; one of streams is read in the background.
        targets: Documents of targets instead of the set's.
        service: The service's name.
        max_events: See `LiveFeed`.
        seconds: See `LiveFeed`.
    """

    def __init__(
        self,
        context: Any = None,
        name: str = "",
        featureset: str = "",
        source: Mapping[str, Any] | None = None,
        targets: Sequence[Any] | None = None,
        service: str = "",
        max_events: int | None = None,
        seconds: float | None = None,
    ) -> None:
        feature_set = get_feature_set(featureset)
        chosen = list(targets) if targets else None
        server = getattr(context, "server", None)
        spaces = None if server is None else server.namespaces  # of the function's code
        self.feed = LiveFeed(feature_set, chosen, service or name, spaces, max_events, seconds)
        self.readers: list[StreamReader] = []
        try:
            self._read(source, service or name)
        except BaseException:
            self.close()
            raise
        if context is not None:
            context.closing.append(self.close)
            context.completing.append(self.feed.live.flush)

    def _read(self, source: Mapping[str, Any] | None, member: str) -> None:
        opened = open_source(source) if source else None
        if opened is None or opened.kind == "http" or not opened.online:
            return
        group = str(opened.attributes.get("group") or "serving")
        for stream in opened.streams():  # type: ignore[attr-defined]
            self.readers.append(StreamReader(stream, group, member, self.feed))

    def do(self, event: Any) -> Any:
        """Take a request."""
        event.body = self._answer(event)
        return event

    def _answer(self, event: Any) -> dict[str, Any]:
        if str(event.path or "").rstrip("/").endswith("/flush"):
            return {"flushed": self.feed.live.flush(30.0), "waiting": self.feed.live.waiting}
        if event.body is None or event.body == b"" or event.body == "":
            live = self.feed.live
            error = str(live.error) if live.error else None
            return {"waiting": live.waiting, "rejected": live.rejected, "error": error}
        return {"accepted": self.feed.accept(event.body)}

    def close(self) -> None:
        """Read no more, write what was accepted."""
        for reader in self.readers:
            reader.close()
        self.feed.close()
