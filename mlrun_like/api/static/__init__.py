"""Files that pages load: nothing comes from another host.

service.css       the style of the service's pages, after the one of `drawing.looks`
service.js        the keyboard, the theme, selections, logs, brushing
live.js           live parts hear of changes by a stream of events; without one they are polled
reading.js        values under the pointer in charts, tables sorted, long lists filtered
htmx.min.js       htmx 2.0.11 as published on npm, unchanged: live parts of pages
htmx.LICENSE.txt  its licence (Zero-Clause BSD)
"""

from __future__ import annotations
