/* Reading charts and long lists: values under the pointer, rows in another order, names found. */
(function () {
  "use strict";
  var find = function (what, where) { return Array.from((where || document).querySelectorAll(what)); };
  var SVG = "http://www.w3.org/2000/svg";

  /* Lines: the nearest point of each, told beside the pointer. Values are read from the picture. */
  function pointsOf(path) {
    if (!path.points) {
      path.points = (path.getAttribute("d").match(/[ML][^ML]+/g) || []).map(function (part) {
        return part.slice(1).split(" ").map(Number);
      });
    }
    return path.points;
  }
  function said(value) {
    if (value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)) return value.toExponential(2);
    return String(Number(value.toPrecision(4)));
  }
  function clear(svg) { find(".hover", svg).forEach(function (one) { one.remove(); }); }
  function make(parent, name, attributes, words) {
    var one = document.createElementNS(SVG, name);
    Object.keys(attributes).forEach(function (key) { one.setAttribute(key, attributes[key]); });
    if (words !== undefined) one.textContent = words;
    parent.append(one);
    return one;
  }
  function show(svg, event) {
    var box = svg.dataset.lines.split(" ").map(Number), scale = svg.dataset.scale.split(" ").map(Number);
    var kind = svg.dataset.kind.split(" "), matrix = svg.getScreenCTM();
    var x = (event.clientX - matrix.e) / matrix.a;
    clear(svg);
    if (x < box[0] - 6 || x > box[2] + 6) return;
    var rows = [], at = null;
    find("path[data-name]", svg).forEach(function (path) {
      var best = null;
      pointsOf(path).forEach(function (point) {
        if (!best || Math.abs(point[0] - x) < Math.abs(best[0] - x)) best = point;
      });
      if (!best || Math.abs(best[0] - x) > 40) return;
      if (at === null || Math.abs(best[0] - x) < Math.abs(at - x)) at = best[0];
      var y = scale[2] + (box[3] - best[1]) / (box[3] - box[1]) * (scale[3] - scale[2]);
      rows.push([path.dataset.name, kind[1] === "log" ? Math.pow(10, y) : y, path.style.stroke, best]);
    });
    if (at === null) return;
    var where = scale[0] + (at - box[0]) / (box[2] - box[0]) * (scale[1] - scale[0]);
    var head = kind[0] === "time" ? new Date(where * 1000).toISOString().slice(0, 19).replace("T", " ")
      : said(where);
    var group = make(svg, "g", { "class": "hover", "pointer-events": "none" });
    make(group, "line", { x1: at, x2: at, y1: box[1], y2: box[3] });
    rows.sort(function (one, two) { return two[1] - one[1]; });
    var words = [head].concat(rows.slice(0, 12).map(function (row) {
      return (rows.length > 1 ? row[0].slice(0, 28) + "  " : "") + said(row[1]);
    }));
    var wide = Math.max.apply(null, words.map(function (one) { return one.length; })) * 6.4 + 14;
    var left = at + 10 + wide > box[2] ? at - 10 - wide : at + 10;
    make(group, "rect", { x: left, y: box[1], width: wide, height: words.length * 15 + 7, rx: 4 });
    words.forEach(function (one, place) {
      var text = make(group, "text", { x: left + 7, y: box[1] + 15 + place * 15, "font-size": 11 }, one);
      if (place && rows.length > 1) text.style.fill = rows[place - 1][2];
    });
    rows.forEach(function (row) {
      var dot = make(group, "circle", { cx: row[3][0], cy: row[3][1], r: 3.5 });
      dot.style.fill = row[2];
    });
  }
  document.addEventListener("pointermove", function (event) {
    var svg = event.target.closest && event.target.closest("svg[data-lines]");
    find("svg[data-lines]:has(.hover)").forEach(function (one) { if (one !== svg) clear(one); });
    if (svg) show(svg, event);
  });

  /* A table whose headings sort it; numbers before words, what is missing at the end. */
  function valueOf(row, place) {
    var cell = row.cells[place], words = cell ? cell.textContent.trim() : "";
    var number = Number(words.replace(/,/g, ""));
    return words === "" || words === "—" || words === "NaN" ? null : isNaN(number) ? words : number;
  }
  function compare(one, two, down) {
    if (one === null || two === null) return one === two ? 0 : one === null ? 1 : -1;
    if (typeof one !== typeof two) return typeof one === "number" ? -1 : 1;
    var order = one < two ? -1 : one > two ? 1 : 0;
    return down ? -order : order;
  }
  function prepare() {
    find("table[data-sortable] thead th").forEach(function (head) {
      if (head.firstElementChild) return;
      var knob = document.createElement("button");
      knob.type = "button"; knob.className = "sort"; knob.textContent = head.textContent;
      head.replaceChildren(knob);
    });
  }
  document.addEventListener("click", function (event) {
    var knob = event.target.closest("button.sort");
    if (!knob) return;
    var head = knob.parentNode, table = head.closest("table"), body = table.tBodies[0];
    var down = head.getAttribute("aria-sort") !== "descending";
    find("th", table).forEach(function (one) { one.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    Array.from(body.rows).sort(function (one, two) {
      return compare(valueOf(one, head.cellIndex), valueOf(two, head.cellIndex), down);
    }).forEach(function (row) { body.append(row); });
  });

  /* Long lists of names and values: only names with some letters. */
  var typed = {};
  function sift(box) {
    var list = document.getElementById(box.dataset.sift), words = box.value.toLowerCase();
    typed[box.dataset.sift] = box.value;
    if (!list) return;
    find(":scope > dt", list).forEach(function (name) {
      var hide = name.textContent.toLowerCase().indexOf(words) < 0;
      name.hidden = hide; name.nextElementSibling.hidden = hide;
    });
  }
  document.addEventListener("input", function (event) {
    if (event.target.matches("[data-sift]")) sift(event.target);
  });
  document.addEventListener("htmx:afterSettle", function () {
    prepare();
    find("[data-sift]").forEach(function (box) {
      if (typed[box.dataset.sift]) { box.value = typed[box.dataset.sift]; sift(box); }
    });
  });
  prepare();

  /* On a phone the navigation scrolls: to where one is. */
  find(".side [aria-current],.tabs [aria-current]").forEach(function (here) {
    var bar = here.parentNode;
    if (bar.scrollWidth > bar.clientWidth) {
      bar.scrollLeft = here.offsetLeft - bar.offsetLeft - (bar.clientWidth - here.offsetWidth) / 2;
    }
  });
})();
