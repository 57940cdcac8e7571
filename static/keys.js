"use strict";
/* One keystroke for what a page offers: inside [data-keys] the key of each [data-key] presses it. Nothing happens while
 * the person types, or holds a key that belongs to the browser.
 */
(() => {
  const types = (element) => element.closest("input, select, textarea, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || types(event.target)) return;
    const place = document.querySelector("[data-keys]");
    const button = place && [...place.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key.toLowerCase());
    // While an answer is under way, a second one would be about a pair that nobody has seen.
    if (!button || place.classList.contains("htmx-request") || place.querySelector(".htmx-request")) return;
    event.preventDefault();
    button.click();
  });

  // The pair may have been answered elsewhere meanwhile: the page as it is now says so.
  document.addEventListener("htmx:responseError", () => document.querySelector("[data-keys]") && location.reload());

  // The answered pair has gone and the focus with it: it goes on to what came instead.
  document.addEventListener("htmx:afterSwap", () => {
    if (document.activeElement === document.body) document.querySelector("[data-keys]")?.focus({ preventScroll: true });
  });
})();
