"""SendToHttp: ours, with aiohttp's error for what is no URL."""

from __future__ import annotations

import sys

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.remote import SendToHttp as OurSendToHttp
from mlrun_like.serving.remote.address import parse_url
from mlrun_like.serving.remote.trying import Request

__all__ = ["SendToHttp"]


class SendToHttp(OurSendToHttp):
    """See `mlrun_like.serving.remote.SendToHttp`.

    Raises:
        aiohttp.InvalidURL: if a request's URL is none, in programs that have imported aiohttp;
            others cannot name that class, and get an InvalidArgumentError.
    """

    __module__ = "storey.flow"

    def _request(self, event: Event) -> Request:
        made = super()._request(event)
        try:
            parse_url(made.url)
        except InvalidArgumentError as exc:
            aiohttp = sys.modules.get("aiohttp")
            if aiohttp is None:
                raise
            raise aiohttp.InvalidURL(made.url, exc.what) from exc
        return made
