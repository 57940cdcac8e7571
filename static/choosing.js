"use strict";
/* Choosing rows of a list: all at once, how many there are, and only the actions that they take.
 *   <form data-choosing> with checkboxes [data-kind] and buttons [data-takes="the kind"]
 */
(() => {
  const enhance = (form) => {
    const all = form.querySelector("[data-choose-all]");
    const count = form.querySelector("[data-chosen-count]");
    const boxes = () => [...form.querySelectorAll("input[data-kind]")];

    const show = () => {
      const chosen = boxes().filter((box) => box.checked);
      const kinds = new Set(chosen.map((box) => box.dataset.kind));
      for (const button of form.querySelectorAll("[data-takes]")) button.disabled = !kinds.has(button.dataset.takes);
      all.checked = chosen.length > 0 && chosen.length === boxes().length;
      all.indeterminate = chosen.length > 0 && !all.checked;
      count.textContent = chosen.length ? `${chosen.length} chosen` : "Choose rows first";
    };

    all.closest("label").hidden = false;
    all.addEventListener("change", () => {
      for (const box of boxes()) box.checked = all.checked;
      show();
    });
    form.addEventListener("change", show);
    form.addEventListener("htmx:afterSettle", show);
    show();
  };

  addEventListener("DOMContentLoaded", () => {
    for (const form of document.querySelectorAll("[data-choosing]")) enhance(form);
  });
})();
