"use strict";
// A log that follows: asks every two seconds for the lines behind the last one, and stays at its end.

(function () {
  const FOLLOW_MS = 2000;
  const table = document.querySelector("[data-run-log]");
  const label = document.querySelector("[data-run-live]");
  if (!table || !label) { return; }
  const live = label.querySelector("input");
  label.hidden = false;

  function last() {
    const bodies = [...table.tBodies].filter((body) => body.dataset.last);
    return bodies.length ? bodies[bodies.length - 1].dataset.last : "";
  }

  async function follow() {
    if (!live.checked || document.hidden) { return; }
    const url = new URL(table.dataset.runLog, window.location.href);
    const behind = last();
    if (behind) { url.searchParams.set("after", behind); } else { url.searchParams.set("from", "start"); }
    const reply = await fetch(url, {credentials: "same-origin"});
    if (!reply.ok) { throw new Error(`Flower answered ${reply.status}`); }
    const found = document.createElement("template");
    found.innerHTML = `<table>${await reply.text()}</table>`;
    const body = found.content.querySelector("tbody");
    if (body && body.rows.length) {
      table.append(body);
      window.scrollTo(0, document.body.scrollHeight);
    }
  }

  function again() {
    follow().catch((error) => { label.title = error.message; }).finally(() => window.setTimeout(again, FOLLOW_MS));
  }

  live.addEventListener("change", () => {
    if (live.checked) { window.scrollTo(0, document.body.scrollHeight); }
  });
  window.setTimeout(again, FOLLOW_MS);
}());
