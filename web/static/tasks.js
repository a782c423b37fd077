"use strict";
// Flower colours the states of Celery alone; these are those of drains.

(function () {
  const LOOKS = {recorded: "text-bg-success", buried: "text-bg-danger", waited: "text-bg-warning"};
  const table = document.querySelector("#tasks-table tbody");

  function colour() {
    table.querySelectorAll(".badge.text-bg-secondary").forEach((badge) => {
      const look = LOOKS[badge.textContent.split(" ")[0]];
      if (look) { badge.classList.replace("text-bg-secondary", look); }
    });
  }

  if (table) { new MutationObserver(colour).observe(table, {childList: true, subtree: true}); }
}());
