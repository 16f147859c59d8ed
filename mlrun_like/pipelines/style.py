"""Colours of a plan's picture: boxes carry their own ground, so they read on light and dark."""

from __future__ import annotations

__all__ = ["STYLE"]

_LIGHT = """\
.mlp text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,\
"DejaVu Sans",sans-serif;text-anchor:middle}
.mlp .name{font-size:13px;font-weight:600}.mlp .note{font-size:11px}
.mlp .title{font-size:11px;font-weight:600;text-anchor:start;fill:#7b8698}
.mlp .frame{fill:#8794ab;fill-opacity:.10;stroke:#8794ab;stroke-opacity:.6}
.mlp .loop>.frame{stroke:#c99518}.mlp .branch>.frame,.mlp .arm>.frame{stroke:#8464c9}
.mlp .arm>.frame{stroke-dasharray:4 3}.mlp .guard>.frame{stroke:#d5564c;stroke-dasharray:6 3}
.mlp .edge{fill:none;stroke:#8390a5;stroke-width:1.6}.mlp .tip{fill:#8390a5}
.mlp .edge.end{stroke-dasharray:5 4}
.mlp .box{stroke-width:1.4;fill:#eef3fe;stroke:#5b7fc7}.mlp .step text{fill:#1b2d52}
.mlp .completed .box{fill:#e2f5e9;stroke:#229a5b}.mlp .completed text{fill:#123d26}
.mlp .reused .box{fill:#e2f1f5;stroke:#2b8a9e}.mlp .reused text{fill:#12363d}
.mlp .running .box{fill:#fdf4dd;stroke:#c99518;stroke-width:2.4}.mlp .running text{fill:#543d05}
.mlp .error .box,.mlp .aborted .box{fill:#fdecea;stroke:#d5564c;stroke-width:2.4}
.mlp .error text,.mlp .aborted text{fill:#6a1c16}
.mlp .skipped .box{fill:#eceef2;stroke:#8794ab;stroke-dasharray:4 3}
.mlp .skipped text{fill:#4a5568}
.mlp .waiting .box{fill:#f6f7f9;stroke:#a9b3c3}.mlp .waiting text{fill:#4a5568}
.mlp .bar{fill:#229a5b}.mlp .error .bar{fill:#d5564c}
"""
_DARK = """\
.mlp .box{fill:#212c44;stroke:#7d9ce0}.mlp .step text{fill:#e4ebfa}
.mlp .completed .box{fill:#17372a;stroke:#35b873}.mlp .completed text{fill:#d9f3e5}
.mlp .reused .box{fill:#14333a;stroke:#46aabf}.mlp .reused text{fill:#d6eef3}
.mlp .running .box{fill:#3a2f12;stroke:#d9ab3c}.mlp .running text{fill:#f8ecce}
.mlp .error .box,.mlp .aborted .box{fill:#3d201e;stroke:#e5776e}
.mlp .error text,.mlp .aborted text{fill:#fbe1de}
.mlp .skipped .box,.mlp .waiting .box{fill:#2a303b;stroke:#75829a}
.mlp .skipped text,.mlp .waiting text{fill:#c3cbd8}
"""
STYLE = f"{_LIGHT}@media (prefers-color-scheme:dark){{\n{_DARK}}}\n"
"""The style sheet; every rule begins with `.mlp`, so a page around it is not touched."""
