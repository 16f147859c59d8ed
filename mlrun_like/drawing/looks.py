"""The one style sheet of all pages: colours for light and dark, one scale of type."""

from __future__ import annotations

__all__ = ["LEVELS", "SERIES", "STYLE", "colour", "themed"]

LEVELS = {"ok": "#2e7d4f", "warn": "#985a00", "bad": "#c0392b", "none": "#5f6b7a"}
"""Words for how good something is, and their colours on white (contrast above 4.5)."""

SERIES = ("#2f6fb0", "#c2571a", "#2e7d4f", "#8e4fa8", "#985a00", "#b03060")
"""Colours of lines, in their order; also told apart by people who do not see red and green."""

_DARK = {"ok": "#63c58c", "warn": "#e0a84e", "bad": "#f0857a", "none": "#9aa7b5"}
_DARK_SERIES = ("#6fb1f0", "#f0965a", "#63c58c", "#c79be0", "#e0a84e", "#ee86ab")


def colour(level: str) -> str:
    """A level's colour for SVG, from the page's theme if there is one around the picture.

    >>> colour("bad"), colour("unknown")
    ('var(--bad,#c0392b)', 'var(--none,#5f6b7a)')
    """
    word = level if level in LEVELS else "none"
    return f"var(--{word},{LEVELS[word]})"


def _variables(levels: dict[str, str], series: tuple[str, ...], others: str) -> str:
    words = [f"--{name}:{value}" for name, value in levels.items()]
    words += [f"--c{number}:{value}" for number, value in enumerate(series)]
    return ";".join([*words, others])


_LIGHT_ALL = _variables(
    LEVELS,
    SERIES,
    "--ink:#1c2430;--muted:#5f6b7a;--paper:#fff;--card:#f6f8fa;--line:#dde3ea;--old:#c3ccd6",
)
_DARK_ALL = _variables(
    _DARK,
    _DARK_SERIES,
    "--ink:#e4e9ef;--muted:#9aa7b5;--paper:#14181e;--card:#1c222a;--line:#323b46;--old:#4c5866",
)


def themed() -> str:
    """Style for pages whose reader chose a theme: `data-theme` of the document, light or dark.

    >>> themed()[:53]
    ':root[data-theme=light]{color-scheme:light;--ok:#2e7d'
    """
    return (
        f":root[data-theme=light]{{color-scheme:light;{_LIGHT_ALL}}}"
        f":root[data-theme=dark]{{color-scheme:dark;{_DARK_ALL}}}"
    )


STYLE = (
    ":root{color-scheme:light dark;"
    + _LIGHT_ALL
    + "}@media(prefers-color-scheme:dark){:root{"
    + _DARK_ALL
    + "}}"
    """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,
"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,header,footer,nav.top{max-width:1160px;margin:0 auto;padding:0 20px}
header{padding-top:24px}main{padding-bottom:48px}
h1{font-size:26px;line-height:1.25;font-weight:650;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:19px;line-height:1.3;font-weight:600;margin:36px 0 10px}
h3{font-size:15px;font-weight:600;margin:20px 0 6px;overflow-wrap:anywhere}
p{margin:6px 0 10px;max-width:78ch;overflow-wrap:anywhere}
small,.note,figcaption{font-size:13px;color:var(--muted)}
a{color:var(--c0);text-underline-offset:2px}
:focus-visible{outline:2px solid var(--c0);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-9999px}.skip:focus{left:12px;top:8px;background:var(--paper);padding:4px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
nav.top{display:flex;flex-wrap:wrap;gap:4px 18px;padding-top:14px;font-size:14px}
nav.top a{color:var(--muted);text-decoration:none;padding:4px 0;border-bottom:2px solid transparent}
nav.top a:hover{color:var(--ink)}
nav.top a[aria-current]{color:var(--ink);border-color:var(--c0);font-weight:600}
.scroll{overflow-x:auto;margin:8px 0 14px}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:7px 14px 7px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);
overflow-wrap:break-word}
td{max-width:46ch}
th{font-size:13px;font-weight:600;color:var(--muted);white-space:nowrap;vertical-align:bottom}
th.n,td.n{text-align:right;white-space:nowrap}
tbody tr:hover{background:var(--card)}
.badge{display:inline-block;padding:1px 9px;border-radius:10px;font-size:13px;line-height:1.5;
white-space:nowrap;color:var(--tone);border:1px solid;background:var(--card)}
.badge::before{content:"";display:inline-block;width:7px;height:7px;border-radius:50%;
background:var(--tone);margin-right:6px;vertical-align:1px}
.ok{--tone:var(--ok)}.warn{--tone:var(--warn)}.bad{--tone:var(--bad)}.none{--tone:var(--none)}
.tiles{display:grid;gap:10px;
grid-template-columns:repeat(auto-fill,minmax(150px,1fr));margin:14px 0}
.tiles div{background:var(--card);border-radius:8px;
padding:10px 14px;border-left:3px solid var(--tone)}
.tiles dt{font-size:13px;color:var(--muted)}
.tiles dd{margin:0;font-size:21px;line-height:1.3;font-weight:600;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:18px 24px}
.cards>*{min-width:0}
figure{margin:8px 0 14px}svg{max-width:100%;height:auto;display:block}
td svg{display:inline-block;vertical-align:middle}
summary{cursor:pointer;font-weight:600;padding:4px 0}
form{display:inline-flex;flex-wrap:wrap;gap:8px;align-items:center;margin:0}
input,select,button{font:inherit;font-size:14px;padding:4px 10px;border:1px solid var(--line);
border-radius:6px;background:var(--paper);color:var(--ink)}
button{background:var(--card);cursor:pointer}button:hover{border-color:var(--c0)}
footer{padding-bottom:28px;color:var(--muted);font-size:13px}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{overflow-x:auto;background:var(--card);padding:10px 14px;border-radius:8px}
@media(max-width:600px){body{font-size:14px}h1{font-size:22px}h2{font-size:17px;margin-top:28px}
main,header,footer,nav.top{padding-left:14px;padding-right:14px}
.tiles{grid-template-columns:1fr 1fr}section{overflow-x:auto}svg.wide{max-width:none}}
@media print{nav.top,form{display:none}body{font-size:11pt}section{break-inside:avoid-page}}
""".replace("\n", "")
)
"""The style sheet, as it stands in every page."""
