"use strict";
// Pages work without this file: it refreshes what is live, and copies commands.

(function () {
  const LIVE_MS = 5000;

  async function refresh(part) {
    if (document.hidden) { return; }
    const note = document.querySelector("[data-ledger-refreshed]");
    try {
      const reply = await fetch(part.dataset.ledgerPoll, {credentials: "same-origin", headers: {Accept: "text/html"}});
      if (!reply.ok) { throw new Error(`Flower answered ${reply.status}`); }
      part.innerHTML = await reply.text();
      if (note) { note.textContent = `refreshed ${new Date().toISOString().slice(11, 19)} UTC`; }
    } catch (error) {
      if (note) { note.textContent = `not refreshed: ${error.message}`; }
    }
  }

  document.querySelectorAll("[data-ledger-poll]").forEach((part) => {
    const again = () => refresh(part).finally(() => window.setTimeout(again, LIVE_MS));
    window.setTimeout(again, LIVE_MS);
  });

  function copied(text) {
    if (navigator.clipboard && window.isSecureContext) { return navigator.clipboard.writeText(text); }
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    return Promise.resolve();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-ledger-copy]");
    if (!button) { return; }
    copied(button.parentElement.querySelector("code").textContent).then(() => {
      button.textContent = "Copied";
      window.setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  });
}());
