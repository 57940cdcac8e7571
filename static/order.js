"use strict";
/* Ordered lists with ties: <ol data-order> of <li data-item="name" data-words="Name">, by dragging the handle, by the
 * arrow keys on it, or by the arrow buttons, which work without this script as well. What is sent is the order of the
 * hidden fields in the page; a checked [data-tie] makes an item level with the one above it. After each change the form
 * gets the event trainstack:order.
 */
(() => {
  const items = (list) => [...list.children].filter((one) => one.matches("[data-item]"));
  const tieOf = (item) => item.querySelector(":scope > .order-line [data-tie]");
  const lineOf = (item) => item.querySelector(":scope > .order-line");

  /** The items as ranks, the highest first. */
  const ranksOf = (list) => {
    const ranks = [];
    for (const item of items(list)) {
      if (ranks.length && tieOf(item).checked) ranks[ranks.length - 1].push(item);
      else ranks.push([item]);
    }
    return ranks;
  };

  /** Puts the ranks into the page; what has no one above it is level with nobody. */
  const put = (list, ranks) => {
    const wanted = ranks.flat();
    // Only what stands elsewhere is moved: whoever is moved loses the focus.
    wanted.forEach((item, at) => {
      if (items(list)[at] !== item) list.insertBefore(item, items(list)[at] || null);
    });
    ranks.forEach((rank, number) => {
      rank.forEach((item, at) => {
        tieOf(item).checked = at > 0;
        item.querySelector("[data-place]").textContent = number + 1;
      });
    });
    show(list);
  };

  const show = (list) => {
    const all = items(list);
    all.forEach((item, at) => {
      tieOf(item).disabled = at === 0;
      const [up, down] = lineOf(item).querySelectorAll("[data-move]");
      const level = tieOf(item).checked || (all[at + 1] && tieOf(all[at + 1]).checked);
      up.disabled = at === 0 && !level;
      down.disabled = at === all.length - 1 && !level;
    });
  };

  const words = (list, item) => {
    const ranks = ranksOf(list);
    const number = ranks.findIndex((rank) => rank.includes(item));
    const level = ranks[number].filter((other) => other !== item).map((other) => other.dataset.words);
    const place = `${item.dataset.words}: place ${number + 1} of ${ranks.length}`;
    return level.length ? `${place}, level with ${level.join(" and ")}` : place;
  };

  const changed = (form, list, item) => {
    form.querySelector("[data-spoken]").textContent = words(list, item);
    form.dispatchEvent(new CustomEvent("trainstack:order"));
  };

  /** One step up or down: out of a tie into a rank of its own, and from there past the next rank. */
  const move = (list, item, step) => {
    const ranks = ranksOf(list);
    const at = ranks.findIndex((rank) => rank.includes(item));
    const rest = ranks[at].filter((other) => other !== item);
    if (rest.length) {
      ranks.splice(at, 1, ...(step < 0 ? [[item], rest] : [rest, [item]]));
    } else {
      if (at + step < 0 || at + step >= ranks.length) return false;
      ranks.splice(at, 1);
      ranks.splice(at + step, 0, [item]);
    }
    put(list, ranks);
    return true;
  };

  /** The dragged item goes before the first item whose middle lies below the pointer. */
  const dragTo = (list, item, y) => {
    const others = items(list).filter((one) => one !== item);
    const below = others.find((one) => {
      const box = lineOf(one).getBoundingClientRect();
      return y < box.top + box.height / 2;
    });
    const before = items(list);
    if (before[before.indexOf(item) + 1] === below && (below || before[before.length - 1] === item)) return false;
    const next = before[before.indexOf(item) + 1];
    // Whoever was level with it stays level with the others of its rank; with none left it stands by itself.
    if (!tieOf(item).checked && next && tieOf(next).checked) tieOf(next).checked = false;
    list.insertBefore(item, below || null);
    // Dropped between two that are level, it is level with them.
    tieOf(item).checked = Boolean(below && tieOf(below).checked);
    put(list, ranksOf(list));
    return true;
  };

  const enhance = (form) => {
    for (const list of form.querySelectorAll("[data-order]")) {
      show(list);
      for (const item of items(list)) {
        const line = lineOf(item);
        const grip = line.querySelector("[data-grip]");
        let moved = false;
        grip.hidden = false;
        grip.addEventListener("pointerdown", (event) => {
          if (event.button) return;
          event.preventDefault();
          grip.focus();
          grip.setPointerCapture(event.pointerId);
          moved = false;
          item.classList.add("is-dragged");
        });
        grip.addEventListener("pointermove", (event) => {
          if (!item.classList.contains("is-dragged")) return;
          if (dragTo(list, item, event.clientY)) {
            moved = true;
            // Moving an element in the page lets go of the pointer.
            grip.setPointerCapture(event.pointerId);
          }
        });
        const drop = () => {
          if (!item.classList.contains("is-dragged")) return;
          item.classList.remove("is-dragged");
          // Moving an element in the page takes the focus from it.
          grip.focus();
          if (moved) changed(form, list, item);
        };
        grip.addEventListener("pointerup", drop);
        grip.addEventListener("pointercancel", drop);
        grip.addEventListener("keydown", (event) => {
          const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
          if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          if (move(list, item, step)) changed(form, list, item);
          grip.focus();
        });
        for (const button of line.querySelectorAll("[data-move]")) {
          button.addEventListener("click", (event) => {
            event.preventDefault();
            if (move(list, item, Number(button.dataset.move))) changed(form, list, item);
            (button.disabled ? grip : button).focus();
          });
        }
        tieOf(item).addEventListener("change", () => {
          put(list, ranksOf(list));
          changed(form, list, item);
        });
      }
    }
    const say = (words) => {
      const note = document.createElement("p");
      note.className = "notice notice-bad";
      note.textContent = words;
      form.querySelector("#preview").replaceChildren(note);
    };
    form.addEventListener("htmx:beforeSwap", ({ detail }) => {
      // A refusal says why.
      if (detail.xhr.status === 422) detail.shouldSwap = true;
    });
    for (const name of ["htmx:sendError", "htmx:responseError"]) {
      form.addEventListener(name, ({ detail }) => {
        if (detail.xhr.status !== 422) say("What would change could not be worked out just now. Saving still works.");
      });
    }
    // htmx sends this form for the preview only; saving is the browser's own.
    form.addEventListener("submit", (event) => event.stopPropagation(), true);
  };

  addEventListener("DOMContentLoaded", () => {
    for (const form of document.querySelectorAll("[data-order-form]")) enhance(form);
  });
})();
