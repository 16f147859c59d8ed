"""Colours of a picture: boxes carry their own ground, so they read on light and dark pages."""

from __future__ import annotations

__all__ = ["STYLE"]

_LIGHT = """\
.mlg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,\
"DejaVu Sans",sans-serif;text-anchor:middle;dominant-baseline:auto}
.mlg .name{font-size:13px;font-weight:600}
.mlg .note,.mlg .route,.mlg .frame-name{font-size:11px}
.mlg .badge-name{font-size:9.5px;font-weight:700;letter-spacing:.3px}
.mlg .frame-name{text-anchor:start;fill:#7b8698;font-weight:600}
.mlg .frame{fill:#8794ab;fill-opacity:.12;stroke:#8794ab;stroke-opacity:.6;stroke-width:1}
.mlg .edge{fill:none;stroke:#8390a5;stroke-width:1.6}
.mlg .tip{fill:#8390a5}
.mlg .edge.error{stroke:#d5564c;stroke-dasharray:5 4}
.mlg .tip.error{fill:#d5564c}
.mlg .edge.back{stroke-dasharray:2 3}
.mlg .box,.mlg .inner{stroke-width:1.4}
.mlg .task .box{fill:#eef3fe;stroke:#5b7fc7}.mlg .task text{fill:#1b2d52}
.mlg .task .note{fill:#5a6b8c}
.mlg .router .box,.mlg .router .inner{fill:#f4effd;stroke:#8464c9}.mlg .router text{fill:#37235f}
.mlg .router .note{fill:#6f5c98}.mlg .router .inner.ring{fill:none}
.mlg .router .inner.row{fill:#fff;stroke:#b7a3e3;stroke-width:1}
.mlg .queue .box{fill:#fdf4dd;stroke:#c99518}.mlg .queue text{fill:#543d05}
.mlg .queue .note{fill:#80672a}
.mlg .error_step .box{fill:#fdecea;stroke:#d5564c;stroke-dasharray:5 3}
.mlg .error_step text{fill:#6a1c16}.mlg .error_step .note{fill:#94453e}
.mlg .missing .box{fill:none;stroke:#d5564c;stroke-dasharray:2 3}.mlg .missing text{fill:#d5564c}
.mlg .start .box{fill:#7b8698;stroke:none}.mlg .start text{fill:#fff;font-size:11.5px}
.mlg .responder .box{stroke:#229a5b;stroke-width:2.4;stroke-dasharray:none}
.mlg .badge{fill:#229a5b}.mlg g .badge-name{fill:#fff}
"""
_DARK = """\
.mlg .task .box{fill:#212c44;stroke:#7d9ce0}.mlg .task text{fill:#e4ebfa}
.mlg .task .note{fill:#a9b8d6}
.mlg .router .box{fill:#2c2543;stroke:#a78ce6}.mlg .router text{fill:#ece5fb}
.mlg .router .note{fill:#bdafdf}.mlg .router .inner.ring{stroke:#a78ce6}
.mlg .router .inner.row{fill:#3a3158;stroke:#7a63b8}
.mlg .queue .box{fill:#3a2f12;stroke:#d9ab3c}.mlg .queue text{fill:#f8ecce}
.mlg .queue .note{fill:#cfb880}
.mlg .error_step .box{fill:#3d201e;stroke:#e5776e}.mlg .error_step text{fill:#fbe1de}
.mlg .error_step .note{fill:#dda6a1}
.mlg .responder .box{stroke:#35b873}.mlg g .badge-name{fill:#fff}
"""
STYLE = f"{_LIGHT}@media (prefers-color-scheme:dark){{\n{_DARK}}}\n"
"""The style sheet; every rule begins with `.mlg`, so a page around it is not touched."""
