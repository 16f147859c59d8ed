/* Small helps of the service's pages. Every page works without them. */
(function () {
  "use strict";
  var find = function (what, where) { return Array.from((where || document).querySelectorAll(what)); };
  var one = function (what, where) { return (where || document).querySelector(what); };

  /* Theme: a cookie, so that the server draws it at once. */
  var root = document.documentElement;
  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark"
      : window.matchMedia("(prefers-color-scheme: dark)").matches;
  }
  function setTheme(word) {
    root.dataset.theme = word;
    document.cookie = "theme=" + word + ";path=/;max-age=31536000;SameSite=Lax" +
      (location.protocol === "https:" ? ";Secure" : "");
  }

  /* What scripts can do is shown only where they run. */
  function unhide(where) {
    find("[data-copy][hidden],[data-theme-switch][hidden],[data-keys][hidden],[data-script][hidden]",
      where).forEach(function (each) { each.hidden = false; });
  }

  /* Selections: a button that says how many, and remembers them while the table is refreshed. */
  var chosen = new Set();
  function count() {
    find("[data-needs]").forEach(function (button) {
      var least = Number(button.dataset.needs), most = Number(button.dataset.most || 1e9);
      button.disabled = chosen.size < least || chosen.size > most;
      var label = button.dataset.label || (button.dataset.label = button.textContent);
      button.textContent = chosen.size ? label + " (" + chosen.size + ")" : label;
    });
  }
  function choose(box) {
    if (box.checked) chosen.add(box.value); else chosen.delete(box.value);
    count();
  }
  function remember() {
    find("input[data-select]").forEach(function (box) {
      if (chosen.has(box.value)) box.checked = true; else if (box.checked) chosen.add(box.value);
    });
    count();
  }

  /* The keyboard. */
  var here = -1, hereRow = "", before = "", beforeAt = 0;
  function rows() { return find("main tbody tr").filter(function (row) { return one("a", row); }); }
  function go(step) {
    var all = rows();
    if (!all.length) return;
    all.forEach(function (row) { row.classList.remove("here"); });
    here = Math.min(Math.max(here + step, 0), all.length - 1);
    all[here].classList.add("here");
    hereRow = all[here].id;
    var link = one("a", all[here]);
    if (link) link.focus({ preventScroll: true });
    all[here].scrollIntoView({ block: "nearest" });
  }
  function isTyping(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) &&
      !/^(checkbox|radio|button|submit)$/.test(target.type);
  }
  function help() {
    var old = one("dialog[data-help]");
    if (old) { old.showModal(); return; }
    var box = document.createElement("dialog"), list = document.createElement("dl");
    box.dataset.help = "";
    box.setAttribute("aria-label", "Keyboard");
    var title = document.createElement("h2");
    title.textContent = "Keyboard";
    list.className = "facts";
    var known = [["/", "search"], ["j, k", "next, previous row"], ["x", "select the row"],
      ["Enter", "open the row"], ["?", "this help"], ["Esc", "close"]];
    find("[data-go]").forEach(function (link) {
      known.push(["g " + link.dataset.go, link.textContent]);
    });
    known.forEach(function (pair) {
      var key = document.createElement("dt"), word = document.createElement("dd");
      var cap = document.createElement("kbd");
      cap.textContent = pair[0]; key.append(cap); word.textContent = pair[1];
      list.append(key, word);
    });
    var form = document.createElement("form"), close = document.createElement("button");
    form.method = "dialog"; close.textContent = "Close"; form.append(close);
    box.append(title, list, form);
    document.body.append(box);
    box.showModal();
  }
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      find("details[data-menu][open]").forEach(function (menu) {
        menu.open = false;
        if (menu.contains(document.activeElement)) one("summary", menu).focus();
      });
      if (isTyping(event.target)) event.target.blur();
      return;
    }
    if (isTyping(event.target) || one("dialog[open]")) return;
    var now = Date.now(), after = now - beforeAt < 1200 ? before : "";
    before = event.key; beforeAt = now;
    if (after === "g") {
      var link = find("[data-go]").find(function (each) { return each.dataset.go === event.key; });
      if (link) { event.preventDefault(); before = ""; link.click(); return; }
    }
    if (event.key === "/") {
      var box = document.getElementById("search");
      if (box) { event.preventDefault(); box.focus(); box.select(); }
    } else if (event.key === "?") { event.preventDefault(); help();
    } else if (event.key === "j") { go(1);
    } else if (event.key === "k") { go(-1);
    } else if (event.key === "Enter" && event.target === document.body && rows()[here]) {
      one("a", rows()[here]).click();
    } else if (event.key === "x") {
      var row = rows()[here], pick = row && one("input[data-select]", row);
      if (pick) { pick.checked = !pick.checked; choose(pick); }
    }
  });

  /* Logs: follow the end, wrap lines, mark what is searched. */
  function follow() {
    find(".log[data-follow]").forEach(function (box) {
      if (box.dataset.follow === "on") box.scrollTop = box.scrollHeight;
    });
  }
  document.addEventListener("scroll", function (event) {
    var box = event.target;
    if (!box.classList || !box.classList.contains("log") || !("follow" in box.dataset)) return;
    var atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    box.dataset.follow = atEnd ? "on" : "off";
  }, true);
  function clearMarks(box) {
    find("mark", box).forEach(function (mark) {
      var parent = mark.parentNode;
      parent.replaceChild(document.createTextNode(mark.textContent), mark);
      parent.normalize();
    });
  }
  function markWords(box, words) {
    clearMarks(box);
    if (words.length < 2) return 0;
    var walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT), found = [], node;
    var low = words.toLowerCase();
    while ((node = walker.nextNode()) && found.length < 500) {
      var text = node.nodeValue.toLowerCase(), at = text.indexOf(low);
      while (at >= 0 && found.length < 500) {
        found.push([node, at]); at = text.indexOf(low, at + low.length);
      }
    }
    found.reverse().forEach(function (pair) {
      var range = document.createRange();
      range.setStart(pair[0], pair[1]); range.setEnd(pair[0], pair[1] + words.length);
      range.surroundContents(document.createElement("mark"));
    });
    var first = one("mark", box);
    if (first) { box.dataset.follow = "off"; first.scrollIntoView({ block: "center" }); }
    return found.length;
  }
  document.addEventListener("input", function (event) {
    var box = event.target;
    if (box.matches("[data-log-search]")) {
      var log = document.getElementById(box.dataset.logSearch), told = box.nextElementSibling;
      var n = markWords(log, box.value);
      if (told) told.textContent = box.value.length > 1 ? n + (n === 500 ? "+" : "") + " found" : "";
    } else if (box.matches("input[type=range][data-shows]")) {
      var out = document.getElementById(box.dataset.shows);
      if (out) out.textContent = box.value;
    }
  });

  /* Parallel coordinates: drag on an axis, or pick a range by keys, and other lines fade. */
  function brush(picture) {
    var bands = picture.brushes || (picture.brushes = {});
    find(".pc", picture).forEach(function (line) {
      var ys = line.dataset.ys.split(",");
      var out = Object.keys(bands).some(function (axis) {
        var y = ys[axis] === "" ? NaN : Number(ys[axis]);
        return !(y >= bands[axis][0] && y <= bands[axis][1]);
      });
      line.classList.toggle("off", out);
      var row = document.getElementById("run-" + line.dataset.key);
      if (row) row.style.opacity = out ? 0.3 : "";
    });
    find(".brush", picture).forEach(function (each) { each.remove(); });
    Object.keys(bands).forEach(function (axis) {
      var hit = one('.axis-hit[data-axis="' + axis + '"]', picture);
      var mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      mark.setAttribute("class", "brush");
      mark.setAttribute("x", Number(hit.getAttribute("x")) + 5);
      mark.setAttribute("width", 14);
      mark.setAttribute("y", bands[axis][0]);
      mark.setAttribute("height", Math.max(2, bands[axis][1] - bands[axis][0]));
      hit.parentNode.append(mark);
    });
  }
  var drag = null;
  function yOf(picture, event) {
    var place = picture.getScreenCTM();
    return (event.clientY - place.f) / place.d;
  }
  document.addEventListener("pointerdown", function (event) {
    var hit = event.target.closest && event.target.closest(".axis-hit");
    if (!hit) return;
    event.preventDefault();
    var picture = hit.ownerSVGElement;
    drag = { picture: picture, axis: hit.dataset.axis, from: yOf(picture, event) };
  });
  document.addEventListener("pointermove", function (event) {
    if (!drag) return;
    var to = yOf(drag.picture, event);
    drag.picture.brushes = drag.picture.brushes || {};
    drag.picture.brushes[drag.axis] = [Math.min(drag.from, to), Math.max(drag.from, to)];
    brush(drag.picture);
  });
  document.addEventListener("pointerup", function (event) {
    if (!drag) return;
    if (Math.abs(yOf(drag.picture, event) - drag.from) < 4) {
      delete (drag.picture.brushes || {})[drag.axis];
      brush(drag.picture);
    }
    drag = null;
  });
  function light(event, on) {
    var row = event.target.closest && event.target.closest("tr[id^='run-']");
    if (!row) return;
    find('.pc[data-key="' + CSS.escape(row.id.slice(4)) + '"]').forEach(function (line) {
      line.classList.toggle("hot", on);
    });
  }
  document.addEventListener("mouseover", function (event) { light(event, true); });
  document.addEventListener("mouseout", function (event) { light(event, false); });

  /* Clicks. */
  document.addEventListener("click", function (event) {
    var target = event.target.closest("button,summary,a,input") || event.target;
    find("details[data-menu][open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.open = false;
    });
    if (target.matches("[data-theme-switch]")) setTheme(isDark() ? "light" : "dark");
    else if (target.matches("[data-keys]")) help();
    else if (target.matches("[data-copy]")) {
      var from = target.dataset.copy ? document.getElementById(target.dataset.copy)
        : one("code,pre", target.parentNode);
      var done = function () {
        target.textContent = "Copied";
        setTimeout(function () { target.textContent = "Copy"; }, 1500);
      };
      if (navigator.clipboard) navigator.clipboard.writeText(from.textContent).then(done);
      else {
        var range = document.createRange();
        range.selectNodeContents(from);
        getSelection().removeAllRanges(); getSelection().addRange(range);
      }
    } else if (target.matches("[data-wrap]")) {
      var on = document.getElementById(target.dataset.wrap).classList.toggle("wrap");
      target.setAttribute("aria-pressed", on);
    } else if (target.matches("[data-end]")) {
      var log = document.getElementById(target.dataset.end);
      log.dataset.follow = "on"; log.scrollTop = log.scrollHeight;
    } else if (target.matches("[data-unbrush]")) {
      find("svg[data-parallel]").forEach(function (each) { each.brushes = {}; brush(each); });
    }
  });
  document.addEventListener("change", function (event) {
    var box = event.target;
    if (box.matches("input[data-select]")) choose(box);
    else if (box.matches("input[data-select-all]")) {
      find("input[data-select]").forEach(function (each) { each.checked = box.checked; choose(each); });
    } else if (box.matches("select[data-submit]")) box.form.requestSubmit();
  });

  /* Live parts: not while nobody looks, nor while a menu or a selection in them is in use. */
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (document.hidden && event.detail.elt.getAttribute("hx-trigger").startsWith("every")) {
      event.preventDefault();
    }
  });
  var kept = null;
  document.addEventListener("htmx:beforeSwap", function (event) {
    var inside = event.detail.target.contains(document.activeElement) && document.activeElement;
    kept = inside && (inside.id ? "#" + CSS.escape(inside.id)
      : inside.getAttribute("href") ? 'a[href="' + CSS.escape(inside.getAttribute("href")) + '"]' : null);
  });
  document.addEventListener("htmx:afterSettle", function (event) {
    unhide(document); remember(); follow();
    var again = kept && one(kept);
    if (again && document.activeElement === document.body) again.focus({ preventScroll: true });
    var all = rows(), same = all.findIndex(function (row) { return hereRow && row.id === hereRow; });
    if (same >= 0) here = same;
    if (here >= 0 && all[here]) all[here].classList.add("here");
    var search = one("[data-log-search]");
    if (search && search.value.length > 1) search.dispatchEvent(new Event("input", { bubbles: true }));
  });

  unhide(document); remember(); follow();

  /* Shares of traffic: a slider beside each number; what one gains, the others lose. */
  function shareBoxes(form) { return find("[data-share]", form); }
  function shareSum(form) {
    var sum = shareBoxes(form).reduce(function (all, box) { return all + (Number(box.value) || 0); }, 0);
    sum = Math.round(sum * 10) / 10;
    var told = one("[data-share-sum]", form);
    if (told) told.textContent = sum + " %";
    find("button", form).forEach(function (knob) { knob.disabled = Math.abs(sum - 100) > 0.05; });
  }
  find("[data-share-range]").forEach(function (slider) {
    var row = slider.closest(".share"), form = slider.form, box = one("[data-share]", row);
    slider.hidden = false;
    slider.addEventListener("input", function () {
      var rest = shareBoxes(form).filter(function (other) { return other !== box; });
      var left = 100 - Number(slider.value);
      var sum = rest.reduce(function (all, other) { return all + (Number(other.value) || 0); }, 0);
      box.value = slider.value;
      rest.forEach(function (other, at) {
        var part = sum ? (Number(other.value) || 0) / sum : 1 / rest.length;
        other.value = Math.round(left * part * 10) / 10;
        one("[data-share-range]", other.closest(".share")).value = other.value;
      });
      shareSum(form);
    });
    box.addEventListener("input", function () { slider.value = box.value; shareSum(form); });
  });

  /* A live part that is fetched anew keeps how far its wide pictures were scrolled. */
  var scrolled = [];
  document.addEventListener("htmx:beforeSwap", function (event) {
    scrolled = find(".scroll", event.detail.target).map(function (box) { return box.scrollLeft; });
  });
  document.addEventListener("htmx:afterSettle", function (event) {
    var whole = document.getElementById(event.detail.elt.id) || event.detail.elt;
    find(".scroll", whole).forEach(function (box, at) { if (scrolled[at]) box.scrollLeft = scrolled[at]; });
  });
})();
