"use strict";
/* The drop zone: files go up one after another, each with a bar; without this script the form sends them itself. */
(() => {
  const THIN = "\u202f";
  const PACE_S = 3;

  const size = (bytes) => {
    const units = ["B", "KB", "MB", "GB"];
    let at = 0;
    while (bytes >= 1000 && at < units.length - 1) {
      bytes /= 1024;
      at += 1;
    }
    return `${bytes.toLocaleString("en", { maximumFractionDigits: at > 1 ? 1 : 0 })}${THIN}${units[at]}`;
  };
  const left = (seconds) => {
    if (seconds < 1) return "nearly done";
    if (seconds < 60) return `about ${Math.ceil(seconds)}${THIN}s left`;
    return `about ${Math.ceil(seconds / 60)}${THIN}min left`;
  };

  const make = (tag, className, words = "") => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = words;
    return element;
  };

  /** One file on its way: a line with a bar, its words, and a button that stops it. */
  class Line {
    constructor(file) {
      this.element = make("div", "progress");
      this.bar = document.createElement("progress");
      this.bar.max = 1;
      this.bar.value = 0;
      this.bar.setAttribute("aria-label", file.name);
      this.name = make("strong", "", file.name);
      this.words = make("span", "small muted", "waiting");
      this.stop = make("button", "link-button", "Stop");
      this.stop.type = "button";
      const line = make("p", "progress-line");
      line.append(this.name, this.words);
      this.element.append(line, this.bar, this.stop);
    }

    progress(loaded, total, seconds) {
      this.bar.value = total ? loaded / total : 0;
      const pace = loaded / Math.max(seconds, 0.001);
      const rest = seconds > PACE_S || loaded === total ? `, ${left((total - loaded) / pace)}` : "";
      this.words.textContent = `${size(loaded)} of ${size(total)}, ${size(pace)} a second${rest}`;
    }

    storing() {
      this.bar.removeAttribute("value");
      this.words.textContent = "sent, being stored";
      this.stop.hidden = true;
    }

    done() {
      this.bar.value = 1;
      this.words.textContent = "stored";
      this.stop.remove();
    }

    failed(why) {
      this.bar.remove();
      this.stop.remove();
      this.words.className = "errors";
      this.words.textContent = why;
    }
  }

  /** Sends one file; resolves to the address where its import is shown, rejects with a sentence. */
  const send = (form, file, line) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const begun = performance.now();
      request.open("POST", form.action || location.href);
      request.setRequestHeader("Accept", "application/json");
      request.responseType = "json";
      request.upload.addEventListener("progress", (event) =>
        line.progress(event.loaded, event.total, (performance.now() - begun) / 1000),
      );
      request.upload.addEventListener("load", () => line.storing());
      request.addEventListener("load", () => {
        if (request.status === 201) resolve(request.response.url);
        else if (request.response?.error) reject(new Error(request.response.error));
        else if (request.status === 413) reject(new Error("This file is larger than the server takes."));
        else if (request.status === 403) reject(new Error("The page was open for too long. Load it again, then try once more."));
        else reject(new Error(`The server could not take this file (error ${request.status}). Try once more.`));
      });
      request.addEventListener("error", () => reject(new Error("The connection broke off. Try once more.")));
      request.addEventListener("abort", () => reject(new Error("Stopped by you.")));
      line.stop.addEventListener("click", () => request.abort());
      const body = new FormData();
      body.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
      const whose = form.querySelector("[name=provider]");
      if (whose) body.append("provider", whose.value);
      body.append("uploads", file, file.name);
      request.send(body);
    });

  const enhance = (form) => {
    const input = form.querySelector("input[type=file]");
    const list = form.querySelector(".uploads");
    const most = Number(form.dataset.maxBytes);
    const home = form.action || location.href;
    let busy = 0;
    let hovering = 0;
    form.querySelector("button[type=submit]").hidden = true;

    const bring = async (files) => {
      if (!files.length) return;
      list.hidden = false;
      const lines = files.map((file) => new Line(file));
      list.replaceChildren(...lines.map((line) => line.element));
      const brought = [];
      busy += 1;
      for (const [at, file] of files.entries()) {
        try {
          if (most && file.size > most) throw new Error(`This file is larger than the server takes (${form.dataset.maxWords}).`);
          brought.push(await send(form, file, lines[at]));
          lines[at].done();
        } catch (error) {
          lines[at].failed(error.message);
        }
      }
      busy -= 1;
      input.value = "";
      // Where something failed the page stays, so that it can be read.
      if (brought.length < files.length) return;
      location.assign(brought.length === 1 ? brought[0] : home);
    };

    input.addEventListener("change", () => bring([...input.files]));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      bring([...input.files]);
    });
    // The whole page takes the file: whoever misses the frame should not be shown a zip instead of this page.
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("dragenter", (event) => {
      event.preventDefault();
      hovering += 1;
      form.classList.add("is-over");
    });
    addEventListener("dragleave", () => {
      hovering -= 1;
      if (hovering <= 0) form.classList.remove("is-over");
    });
    addEventListener("drop", (event) => {
      event.preventDefault();
      hovering = 0;
      form.classList.remove("is-over");
      bring([...event.dataTransfer.files]);
    });
    addEventListener("beforeunload", (event) => busy && event.preventDefault());
  };

  addEventListener("DOMContentLoaded", () => {
    for (const form of document.querySelectorAll("[data-upload]")) enhance(form);
  });
})();
