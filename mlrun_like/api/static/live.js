/* Live parts hear of changes by a stream of events. Where no stream can be had they are asked for
   every few seconds, as htmx does without this file. A browser gives one site six connections over
   plain HTTP, so a page that nobody sees holds none. */
(function () {
  "use strict";
  var KINDS = ["run", "step", "alert", "function", "task", "resync", "log"];
  var LEAST = 1000, AGAIN = 30000;
  var streams = {}, fetched = {}, planned = {};

  function parts() { return Array.from(document.querySelectorAll("[data-hears]")); }
  function isOpen(part) {
    var stream = streams[part.dataset.hears];
    return !!stream && stream.readyState === 1;
  }

  /* Ask for a part anew, but not more often than once a second, however much happens. */
  function ask(key) {
    if (planned[key]) return;
    var wait = Math.max(150, LEAST - (Date.now() - (fetched[key] || 0)));
    planned[key] = setTimeout(function () {
      delete planned[key];
      var part = document.getElementById(key);
      if (part && window.htmx) htmx.trigger(part, "heard");
    }, wait);
  }
  function tell(address, event) {
    var what = {};
    try { what = JSON.parse(event.data || "{}"); } catch (error) { /* then all are asked for */ }
    parts().forEach(function (part) {
      var of = part.dataset.of;
      if (part.dataset.hears === address && (!of || !what.uid || what.uid === of)) ask(part.id);
    });
  }

  function open(address) {
    var stream = new EventSource(address), since = Date.now();
    streams[address] = stream;
    /* What happened between the page and the stream, or while it was away. */
    stream.onopen = function () {
      tell(address, {});
      /* and what happened while the service began to look */
      setTimeout(function () { if (streams[address] === stream) tell(address, {}); }, 1500);
    };
    KINDS.forEach(function (kind) {
      stream.addEventListener(kind, function (event) { tell(address, event); });
    });
    stream.addEventListener("end", function (event) { stream.close(); tell(address, event); });
    stream.onerror = function (event) {
      /* The service said why it ends the stream, or refused it: asking goes on without. */
      if (event.data) stream.close();
      if (stream.readyState === 2 && streams[address] === stream) {
        setTimeout(function () {
          if (streams[address] === stream) { delete streams[address]; follow(); }
        }, Math.max(1000, AGAIN - (Date.now() - since)));
      }
    };
  }
  function follow() {
    var wanted = {};
    if (!document.hidden) {
      parts().forEach(function (part) { wanted[part.dataset.hears] = true; });
    }
    Object.keys(streams).forEach(function (address) {
      if (!wanted[address]) { streams[address].close(); delete streams[address]; }
    });
    Object.keys(wanted).forEach(function (address) {
      if (!streams[address]) open(address);
    });
  }

  document.addEventListener("htmx:beforeRequest", function (event) {
    var part = event.detail.elt, calm = Number(part.dataset.calm || 0) * 1000;
    var isPoll = !event.detail.requestConfig.triggeringEvent;
    if (isPoll && calm && isOpen(part) && Date.now() - (fetched[part.id] || 0) < calm) {
      event.preventDefault();
      return;
    }
    if (part.id) fetched[part.id] = Date.now();
  });
  document.addEventListener("htmx:afterSettle", follow);
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", function () {
    Object.keys(streams).forEach(function (address) { streams[address].close(); });
    streams = {};
  });
  window.addEventListener("pageshow", function (event) { if (event.persisted) follow(); });

  /* How long ago something was goes on while nothing is fetched. */
  function words(gone) {
    var text = Math.round(Math.abs(gone)) + " s";
    [["min", 60], ["h", 3600], ["d", 86400]].forEach(function (unit) {
      if (Math.abs(gone) >= 2 * unit[1]) text = Math.round(Math.abs(gone) / unit[1]) + " " + unit[0];
    });
    return gone >= 0 ? text + " ago" : "in " + text;
  }
  setInterval(function () {
    if (document.hidden) return;
    document.querySelectorAll("time[data-ago]").forEach(function (time) {
      var now = words((Date.now() - Date.parse(time.dateTime)) / 1000);
      if (time.textContent !== now) time.textContent = now;
    });
  }, 5000);
  follow();
})();
