"use strict";
/* What every page may need; each thing looks for its own data attribute and does nothing without it. */

addEventListener("DOMContentLoaded", () => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";

  // Signing up: the server learns where this person's days begin.
  for (const field of document.querySelectorAll("[data-browser-zone]")) field.value = zone;

  for (const button of document.querySelectorAll("[data-use-browser-zone]")) {
    const select = document.getElementById(button.dataset.useBrowserZone);
    const known = [...select.options].some((option) => option.value === zone);
    if (!known || select.value === zone) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      select.value = zone;
      button.hidden = true;
      select.focus();
    });
  }

  // What only stands in for a script.
  for (const element of document.querySelectorAll("[data-without-script]")) element.hidden = true;

  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.textContent = "Copied";
    });
  }
});
