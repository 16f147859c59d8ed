"""What tests of pages share: hostile texts, and a strict reader of HTML."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

__all__ = ["HOSTILE", "read"]

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style></svg><b>",
    "&lt;b&gt; & \u202e\u0000\ud800 \x08",
    "]]><!--",
    "{{7*7}}${x}",
    "漢字 émoji 🙂" * 30,
    "",
]
_VOID = {"br", "hr", "img", "input", "link", "meta"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.names: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.content: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (self.open, tag)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.content.append(data)


def read(markup: str, scripts: int = 0) -> _Reader:
    """Parse strictly, as HTML and as XML; nothing may run, nothing may be fetched."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    assert not reader.open, reader.open
    assert reader.names.count("script") == scripts
    assert "img" not in reader.names
    for tag, key, value in reader.attributes:
        assert not key.startswith("on"), (tag, key, value)
        assert key != "src"
        assert not value.lower().lstrip().startswith("javascript:")
        if tag == "link":
            raise AssertionError(value)
    ElementTree.fromstring(f"<r>{markup.removeprefix('<!DOCTYPE html>')}</r>")
    return reader
