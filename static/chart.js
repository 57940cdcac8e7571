"use strict";
/* Charts on canvas. A group of charts shares one range and one cursor:
 *   <section data-charts data-url="…/streams/" data-seconds="3600">      series of an activity, fetched anew for each range
 *   <section data-charts data-days="id of a JSON script">                 [[day, value, min, max], …], days as Python's ordinals
 * Each <figure data-stream="heart_rate" data-unit data-factor data-offset data-decimals [data-pace-m]> in it is one chart.
 * Where sources are told in a JSON script (data-sources="its id": [{id, name, number, shift}, …]) a figure draws those that
 * its data-of names ("12 15"), one line each; `shift` is how many seconds later than the chart's zero a source began.
 * At most 2,000 points are fetched; what falls into one column of pixels is drawn as its least and greatest value.
 */
(() => {
  const POINTS = 2000;
  const GUTTER = 52;
  const RIGHT = 10;
  const TOP = 10;
  const BOTTOM = 22;
  const UNIX_ORDINAL = 719163;
  const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  const PACE_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200];
  const THIN = "\u202f";
  // What draws a chart that speaks of one source only.
  const PLAIN = { id: 0, name: "", number: 0, shift: 0 };

  const clock = (seconds) => {
    const whole = Math.round(seconds);
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    const rest = String(whole % 60).padStart(2, "0");
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
  };
  const dateOf = (ordinal) => new Date((ordinal - UNIX_ORDINAL) * 86400000);
  const ordinalOf = (year, month) => Date.UTC(year, month, 1) / 86400000 + UNIX_ORDINAL;
  const dateWords = (options) => {
    const format = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
    return (ordinal) => format.format(dateOf(Math.round(ordinal)));
  };
  const longDay = dateWords({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
  const shortDay = dateWords({ day: "numeric", month: "short" });
  const monthDay = dateWords({ month: "short", year: "numeric" });

  /** Index of the first element of a sorted array that is not below the value. */
  const firstAt = (sorted, value) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const nearest = (sorted, value) => {
    const at = firstAt(sorted, value);
    if (at === 0) return 0;
    if (at === sorted.length) return at - 1;
    return value - sorted[at - 1] <= sorted[at] - value ? at - 1 : at;
  };
  const quantile = (sorted, ratio) => sorted[Math.min(sorted.length - 1, Math.floor(ratio * sorted.length))];

  /** Round numbers between two, at most `count`. */
  const roundTicks = (low, high, count) => {
    const raw = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((part) => part * power).find((one) => one >= raw * 0.999);
    const ticks = [];
    for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step) ticks.push(tick + 0); // never -0
    return ticks;
  };

  /** How values of one series are placed and written. */
  class Scale {
    constructor({ unit, factor, offset, decimals, paceM }) {
      this.unit = unit;
      this.factor = Number(factor || 1);
      this.offset = Number(offset || 0);
      this.decimals = Number(decimals || 0);
      this.paceM = paceM ? Number(paceM) : null;
    }

    words(value) {
      if (this.paceM) return value > 0.05 ? `${clock(this.paceM / value)}${THIN}${this.unit}` : "standing";
      const number = (value * this.factor + this.offset).toLocaleString("en", {
        minimumFractionDigits: this.decimals,
        maximumFractionDigits: this.decimals,
      });
      return this.unit ? `${number}${THIN}${this.unit}` : number;
    }

    /** Marks of the axis: [value, word]. */
    ticks(low, high, count) {
      if (this.paceM) {
        const fast = this.paceM / high;
        const slow = this.paceM / Math.max(low, 0.05);
        const step = PACE_STEPS.find((one) => (slow - fast) / one <= count + 0.5) || 1800;
        const ticks = [];
        for (let pace = Math.ceil(fast / step) * step; pace <= slow; pace += step) {
          ticks.push([this.paceM / pace, clock(pace)]);
        }
        return ticks;
      }
      const shown = (value) => value * this.factor + this.offset;
      const ticks = roundTicks(shown(low), shown(high), count);
      const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
      const decimals = Math.max(0, Math.min(3, -Math.floor(Math.log10(step) + 1e-9)));
      return ticks.map((tick) => [
        (tick - this.offset) / this.factor,
        tick.toLocaleString("en", { minimumFractionDigits: 0, maximumFractionDigits: decimals }),
      ]);
    }
  }

  /** The samples of one line of a chart, without those that have no value. */
  class Series {
    constructor(source, { time, value, low = null, high = null, least }) {
      const told = time.map((_, at) => at).filter((at) => value[at] !== null);
      this.source = source;
      this.time = told.map((at) => time[at] + source.shift);
      this.value = told.map((at) => value[at]);
      this.low = low && told.map((at) => low[at] ?? value[at]);
      this.high = high && told.map((at) => high[at] ?? value[at]);
      const steps = this.time.slice(1).map((moment, at) => moment - this.time[at]).sort((a, b) => a - b);
      this.gap = least || Math.max(8 * (quantile(steps, 0.5) || 0), 30);
    }

    /** The points in the range, and one more on either side so that the line runs to the edge. */
    visible([from, to]) {
      return [Math.max(firstAt(this.time, from) - 1, 0), Math.min(firstAt(this.time, to) + 1, this.time.length)];
    }
  }

  class Chart {
    constructor(figure, group) {
      this.figure = figure;
      this.group = group;
      this.name = figure.dataset.stream;
      this.label = figure.dataset.label;
      this.scale = new Scale(figure.dataset);
      this.canvas = figure.querySelector("canvas");
      this.output = figure.querySelector("output");
      this.details = figure.querySelector("details");
      const told = (figure.dataset.of || "").split(" ").filter(Boolean).map(Number);
      this.sources = told.length ? group.sources.filter((source) => told.includes(source.id)) : [PLAIN];
      this.series = [];
      this.selection = null;
      new ResizeObserver(() => this.draw()).observe(this.canvas);
      this.listen();
    }

    set(series) {
      this.series = series;
      this.draw();
      this.fillTable();
    }

    /** The lines that are drawn: those with samples whose source is not switched off, the one that is shown last. */
    get lines() {
      return this.series.filter((one) => one.time.length && !this.group.hidden.has(one.source.id)).reverse();
    }

    /** The line that the keys go along and the words begin with. */
    get first() {
      return this.lines[this.lines.length - 1];
    }

    toneOf(source, colour) {
      return source.number ? colour(`--source-${source.number}`) : colour("--tone");
    }

    get inner() {
      return this.canvas.clientWidth - GUTTER - RIGHT;
    }

    x(moment) {
      const [from, to] = this.group.range;
      return GUTTER + ((moment - from) / (to - from)) * this.inner;
    }

    moment(x) {
      const [from, to] = this.group.range;
      return from + (Math.min(Math.max(x - GUTTER, 0), this.inner) / this.inner) * (to - from);
    }

    extent(shown) {
      const values = shown.flatMap(({ one, first, last }) => one.value.slice(first, last));
      if (this.scale.paceM) {
        const moving = values.filter((one) => one > 0.05).sort((a, b) => a - b);
        if (!moving.length) return [0.5, 1];
        const high = quantile(moving, 0.995);
        return [Math.max(quantile(moving, 0.03), high * 0.3) * 0.97, high * 1.03];
      }
      const reach = (name) => shown.flatMap(({ one, first, last }) => (one[name] || one.value).slice(first, last));
      const low = Math.min(...reach("low"));
      const high = Math.max(...reach("high"));
      if (this.group.bars) return [Math.min(low, 0), high > 0 ? high * 1.06 : 1];
      const pad = Math.max((high - low) * 0.08, Math.abs(high) * 0.01, 0.5 / this.scale.factor);
      return [low - pad, high + pad];
    }

    draw() {
      const sheet = trainstack.canvas(this.canvas, this.figure);
      if (!sheet) return;
      const { pen, width, height, colour } = sheet;
      pen.font = `12px ${sheet.font}`;
      const bottom = height - BOTTOM;

      this.shade(pen, bottom, colour("--sunken"));
      this.axisX(pen, height, colour("--line"), colour("--ink-2"));
      const shown = this.lines
        .map((one) => {
          const [first, last] = one.visible(this.group.range);
          return { one, first, last };
        })
        .filter(({ first, last }) => last > first);
      if (!shown.length) {
        pen.fillStyle = colour("--ink-2");
        pen.textAlign = "center";
        pen.fillText(this.group.loaded ? this.emptyWords : "Loading …", width / 2, bottom / 2 + 4);
        this.output.textContent = "";
        return;
      }
      const [low, high] = this.extent(shown);
      this.y = (value) => TOP + (1 - (Math.min(Math.max(value, low), high) - low) / (high - low)) * (bottom - TOP);

      pen.textAlign = "right";
      pen.textBaseline = "middle";
      for (const [value, word] of this.scale.ticks(low, high, height > 200 ? 6 : 4)) {
        const y = Math.round(this.y(value)) + 0.5;
        if (y < TOP - 4 || y > bottom + 1) continue;
        pen.strokeStyle = colour("--line");
        pen.beginPath();
        pen.moveTo(GUTTER, y);
        pen.lineTo(width - RIGHT, y);
        pen.stroke();
        pen.fillStyle = colour("--ink-2");
        pen.fillText(word, GUTTER - 8, y);
      }

      pen.save();
      pen.beginPath();
      pen.rect(GUTTER, 0, width - GUTTER - RIGHT, height);
      pen.clip();
      for (const { one, first, last } of shown) {
        const tone = this.toneOf(one.source, colour);
        if (this.group.bars) this.bars(pen, one, first, last, tone);
        else this.line(pen, one, first, last, bottom, tone, shown.length > 1);
      }
      pen.restore();
      this.cursor(pen, bottom, colour);
    }

    get emptyWords() {
      const all = this.series.filter((one) => one.time.length);
      return all.length && !this.lines.length ? "Every source is switched off" : "Nothing was measured here";
    }

    shade(pen, bottom, colour) {
      pen.fillStyle = colour;
      for (const [start, length] of this.group.pauses) {
        const left = Math.max(this.x(start), GUTTER);
        const right = Math.min(this.x(start + length), GUTTER + this.inner);
        if (right > left) pen.fillRect(left, TOP, right - left, bottom - TOP);
      }
      if (this.selection) {
        const [a, b] = this.selection;
        pen.fillRect(Math.min(a, b), TOP, Math.abs(b - a), bottom - TOP);
      }
    }

    axisX(pen, height, line, ink) {
      const [from, to] = this.group.range;
      pen.textAlign = "center";
      pen.textBaseline = "alphabetic";
      pen.fillStyle = ink;
      pen.strokeStyle = line;
      for (const [moment, word] of this.group.ticks(from, to, Math.max(2, Math.floor(this.inner / 90)))) {
        const x = Math.round(this.x(moment)) + 0.5;
        if (x < GUTTER - 1 || x > GUTTER + this.inner + 1) continue;
        pen.beginPath();
        pen.moveTo(x, TOP);
        pen.lineTo(x, height - BOTTOM);
        pen.stroke();
        const half = pen.measureText(word).width / 2;
        pen.fillText(word, Math.min(Math.max(x, half), this.canvas.clientWidth - half), height - 5);
      }
    }

    /** Runs of points without a gap; in each column of pixels the first, least, greatest and last value. */
    runs(one, first, last) {
      const runs = [];
      let run = null;
      let before = -Infinity;
      for (let at = first; at < last; at += 1) {
        const moment = one.time[at];
        if (moment - before > one.gap || !run) {
          run = [];
          runs.push(run);
        }
        before = moment;
        const x = this.x(moment);
        const column = Math.floor(x);
        const low = one.low ? one.low[at] : one.value[at];
        const high = one.high ? one.high[at] : one.value[at];
        const tail = run[run.length - 1];
        if (tail && tail.column === column && last - first > this.inner) {
          tail.min = Math.min(tail.min, one.value[at]);
          tail.max = Math.max(tail.max, one.value[at]);
          tail.low = Math.min(tail.low, low);
          tail.high = Math.max(tail.high, high);
          tail.last = one.value[at];
        } else {
          const value = one.value[at];
          run.push({ x, column, first: value, min: value, max: value, last: value, low, high });
        }
      }
      return runs;
    }

    line(pen, series, first, last, bottom, tone, among) {
      const runs = this.runs(series, first, last);
      pen.lineJoin = "round";
      pen.lineCap = "round";
      for (const run of among ? [] : runs) {
        pen.beginPath();
        run.forEach((one, at) => pen[at ? "lineTo" : "moveTo"](one.x, this.y(series.high ? one.high : one.max)));
        if (series.low) [...run].reverse().forEach((one) => pen.lineTo(one.x, this.y(one.low)));
        else {
          pen.lineTo(run[run.length - 1].x, bottom);
          pen.lineTo(run[0].x, bottom);
        }
        pen.closePath();
        pen.globalAlpha = series.low ? 0.2 : 0.11;
        pen.fillStyle = tone;
        pen.fill();
        pen.globalAlpha = 1;
      }
      pen.strokeStyle = tone;
      pen.lineWidth = series.source.number === 1 ? 2.2 : 1.6;
      pen.setLineDash(trainstack.dashes[series.source.number] || []);
      for (const run of runs) {
        pen.beginPath();
        run.forEach((one, at) => {
          pen[at ? "lineTo" : "moveTo"](one.x, this.y(one.first));
          if (one.min !== one.max) {
            pen.lineTo(one.x, this.y(one.min));
            pen.lineTo(one.x, this.y(one.max));
            pen.lineTo(one.x, this.y(one.last));
          }
        });
        pen.stroke();
      }
      pen.setLineDash([]);
      if (last - first < this.inner / 9) {
        pen.fillStyle = tone;
        for (const one of runs.flat()) {
          pen.beginPath();
          pen.arc(one.x, this.y(one.last), 2.6, 0, 7);
          pen.fill();
        }
      }
      pen.lineWidth = 1;
    }

    bars(pen, one, first, last, tone) {
      const [from, to] = this.group.range;
      const day = this.inner / (to - from);
      const width = Math.max(day * 0.74, 0.8);
      pen.fillStyle = tone;
      pen.globalAlpha = 0.85;
      for (let at = first; at < last; at += 1) {
        const y = this.y(one.value[at]);
        pen.fillRect(this.x(one.time[at]) - width / 2, y, width, Math.max(this.y(0) - y, 0));
      }
      pen.globalAlpha = 1;
    }

    cursor(pen, bottom, colour) {
      const moment = this.group.cursor;
      const lines = this.lines;
      if (moment === null || !lines.length) {
        this.output.textContent = "";
        return;
      }
      const x = this.x(moment);
      pen.strokeStyle = colour("--ink");
      pen.globalAlpha = 0.55;
      pen.beginPath();
      pen.moveTo(x, TOP);
      pen.lineTo(x, bottom);
      pen.stroke();
      pen.globalAlpha = 1;
      for (const one of this.group.bars ? [] : lines) {
        const at = nearest(one.time, moment);
        if (Math.abs(one.time[at] - moment) > one.gap) continue;
        pen.beginPath();
        pen.arc(this.x(one.time[at]), this.y(one.value[at]), 4.5, 0, 7);
        pen.fillStyle = this.toneOf(one.source, colour);
        pen.strokeStyle = colour("--surface");
        pen.lineWidth = 2;
        pen.fill();
        pen.stroke();
        pen.lineWidth = 1;
      }
      this.output.textContent = this.wordsAt(moment);
    }

    /** What each line says there, the one that is shown first, and when that was. */
    wordsAt(moment) {
      const lines = this.lines.reverse();
      const told = lines.map((one) => [one, nearest(one.time, moment)]).filter(([one, at]) => Math.abs(one.time[at] - moment) <= one.gap);
      if (!told.length) return `no value ${this.group.when(moment)}`;
      const words = told.map(([one, at]) => (lines.length > 1 ? `${one.source.name} ${this.valueWords(one, at)}` : this.valueWords(one, at)));
      const [one, at] = told[0];
      return `${words.join(", ")} ${this.group.when(lines.length > 1 ? moment : one.time[at])}`;
    }

    valueWords(one, at) {
      const { scale } = this;
      const spread = one.low && one.high[at] > one.low[at];
      const reach = spread ? ` (${scale.words(one.low[at])} to ${scale.words(one.high[at])})` : "";
      return `${scale.words(one.value[at])}${reach}`;
    }

    spoken() {
      return this.first ? `${this.label} ${this.wordsAt(this.group.cursor)}` : "";
    }

    listen() {
      const { canvas, group } = this;
      let start = null;
      const at = (event) => event.clientX - canvas.getBoundingClientRect().left;
      canvas.addEventListener("pointerdown", (event) => {
        group.point(this.moment(at(event)));
        if (event.pointerType === "touch" || event.button) return;
        start = at(event);
        canvas.setPointerCapture(event.pointerId);
      });
      canvas.addEventListener("pointermove", (event) => {
        if (start !== null) this.selection = [start, Math.min(Math.max(at(event), GUTTER), GUTTER + this.inner)];
        group.point(this.moment(at(event)));
      });
      canvas.addEventListener("pointerup", () => {
        const chosen = this.selection;
        start = null;
        this.selection = null;
        if (chosen && Math.abs(chosen[1] - chosen[0]) > 8) {
          group.zoom(...[this.moment(chosen[0]), this.moment(chosen[1])].sort((a, b) => a - b));
        } else this.draw();
      });
      canvas.addEventListener("pointercancel", () => {
        start = null;
        this.selection = null;
        this.draw();
      });
      canvas.addEventListener("pointerleave", () => start === null && group.point(null));
      canvas.addEventListener("dblclick", () => group.zoom(...group.whole));
      canvas.addEventListener("blur", () => group.point(null));
      canvas.addEventListener("keydown", (event) => this.key(event));
      this.details?.addEventListener("toggle", () => this.fillTable());
    }

    key(event) {
      const { group } = this;
      const [from, to] = group.range;
      const far = event.shiftKey ? 10 : 1;
      const moves = {
        ArrowLeft: () => this.step(-far),
        ArrowRight: () => this.step(far),
        Home: () => from,
        End: () => to,
      };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (moves[event.key]) {
        group.point(Math.min(Math.max(moves[event.key](), from), to));
        group.say(this.spoken());
      } else if (event.key === "+" || event.key === "=") group.zoomBy(0.5);
      else if (event.key === "-") group.zoomBy(2);
      else if (event.key === "Escape") group.zoom(...group.whole);
      else return;
      event.preventDefault();
    }

    /** Where the cursor goes: from sample to sample where they are few, else in two-hundredths of the range. */
    step(count) {
      const [from, to] = this.group.range;
      const now = this.group.cursor ?? (count > 0 ? from : to);
      const line = this.first;
      if (!line) return now;
      const [first, last] = line.visible(this.group.range);
      if (this.group.days || last - first < 200) {
        const at = nearest(line.time, now);
        const next = this.group.cursor === null ? at : at + count;
        return line.time[Math.min(Math.max(next, 0), line.time.length - 1)];
      }
      return now + (count * (to - from)) / 200;
    }

    /** The same numbers in some forty rows, for whoever cannot see the chart. */
    fillTable() {
      if (!this.details?.open) return;
      const [from, to] = this.group.range;
      const width = TIME_STEPS.find((step) => (to - from) / step <= 40) || 86400;
      const body = this.details.querySelector("tbody");
      body.replaceChildren();
      const columns = this.sources.map((source) => this.series.find((one) => one.source === source));
      for (let start = Math.floor(from / width) * width; start <= to; start += width) {
        const parts = columns.map((one) => {
          if (!one) return [];
          const [first, last] = [Math.max(start, from), Math.min(start + width, to + 1e-6)];
          return one.value.slice(firstAt(one.time, first), firstAt(one.time, last));
        });
        if (!parts.some((values) => values.length)) continue;
        const reach = (values) => (values.length ? [Math.min(...values), Math.max(...values)] : []);
        // One source has a column for its least and one for its greatest value, several have one column each.
        const figures =
          columns.length > 1
            ? parts.map((values) => reach(values).map((value) => this.scale.words(value)).join(" – "))
            : reach(parts[0]).map((value) => this.scale.words(value));
        const row = body.insertRow();
        [clock(start), ...figures].forEach((words, number) => {
          const cell = row.insertCell();
          cell.textContent = words;
          if (number) cell.className = "num";
        });
      }
    }
  }

  class Group {
    constructor(element) {
      this.element = element;
      this.days = element.dataset.days !== undefined;
      this.bars = element.dataset.bars !== undefined;
      const pauses = element.querySelector("#pauses");
      this.pauses = pauses ? JSON.parse(pauses.textContent) : [];
      this.sources = trainstack.sources(element);
      this.hidden = new Set();
      this.cursor = null;
      this.loaded = false;
      this.whole = [0, Number(element.dataset.seconds) || 1];
      this.range = this.whole;
      this.charts = [...element.querySelectorAll("[data-stream]")].map((figure) => new Chart(figure, this));
      this.voice = element.querySelector("[data-spoken]");
      this.buttons = Object.fromEntries(
        [...element.querySelectorAll("[data-zoom]")].map((button) => [button.dataset.zoom, button]),
      );
      this.buttons.in?.addEventListener("click", () => this.zoomBy(0.5));
      this.buttons.out?.addEventListener("click", () => this.zoomBy(2));
      this.buttons.all?.addEventListener("click", () => this.zoom(...this.whole));
      for (const box of element.querySelectorAll("[data-switch]")) {
        box.hidden = false;
        box.addEventListener("change", () => this.switch(Number(box.dataset.switch), box.querySelector("input").checked));
      }
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
      document.addEventListener("trainstack:moment", (event) => {
        if (event.detail.from === this) return;
        this.cursor = event.detail.seconds;
        this.draw();
      });
      if (this.days) this.loadDays();
      else this.fetch();
    }

    loadDays() {
      const points = JSON.parse(document.getElementById(this.element.dataset.days).textContent);
      const column = (at) => points.map((point) => point[at]);
      const time = column(0);
      this.whole = [time[0] - 0.6, time[time.length - 1] + 0.6];
      this.range = this.whole;
      this.loaded = true;
      const spread = points.some((point) => point[2] !== null && point[2] !== point[3]);
      const days = { time, value: column(1), low: spread && column(2), high: spread && column(3), least: 15 };
      for (const chart of this.charts) chart.set([new Series(PLAIN, days)]);
    }

    switch(id, on) {
      this.hidden[on ? "delete" : "add"](id);
      this.draw();
    }

    async fetch() {
      this.asking?.abort();
      this.asking = new AbortController();
      const { signal } = this.asking;
      try {
        const sources = [...new Set(this.charts.flatMap((chart) => chart.sources))];
        const told = new Map(await Promise.all(sources.map(async (source) => [source, await this.streamsOf(source, signal)])));
        this.loaded = true;
        if (this.range === this.whole) this.stretch(told);
        for (const chart of this.charts) {
          const of = (source) => told.get(source)[chart.name] || { time_s: [], value: [] };
          chart.set(chart.sources.map((source) => new Series(source, { time: of(source).time_s, value: of(source).value })));
        }
      } catch (error) {
        if (error.name === "AbortError") return;
        for (const chart of this.charts) chart.output.textContent = "could not be loaded";
      }
    }

    /** The streams that the charts want of one source, in the range that is seen. */
    async streamsOf(source, signal) {
      const names = this.charts.filter((chart) => chart.sources.includes(source)).map((chart) => chart.name);
      const query = new URLSearchParams({ names: names.join(","), points: POINTS });
      if (source.id) query.set("source", source.id);
      if (this.range !== this.whole) {
        query.set("start", (this.range[0] - source.shift).toFixed(3));
        query.set("end", (this.range[1] - source.shift).toFixed(3));
      }
      const answer = await fetch(`${this.element.dataset.url}?${query}`, { headers: { Accept: "application/json" }, signal });
      if (!answer.ok) throw new Error(String(answer.status));
      return (await answer.json()).streams;
    }

    /** A source that told no length: the last sample ends the chart. */
    stretch(told) {
      const ends = [...told].flatMap(([source, streams]) =>
        Object.values(streams).map((stream) => (stream.time_s[stream.time_s.length - 1] || 0) + source.shift),
      );
      this.whole = this.range = [0, Math.max(this.whole[1], ...ends)];
    }

    draw() {
      for (const chart of this.charts) chart.draw();
    }

    /** The cursor goes there, here and on the route. */
    point(moment) {
      this.cursor = moment;
      this.draw();
      document.dispatchEvent(new CustomEvent("trainstack:moment", { detail: { seconds: moment, from: this } }));
    }

    say(words) {
      if (this.voice) this.voice.textContent = words;
    }

    zoomBy(factor) {
      const [from, to] = this.range;
      const middle = this.cursor ?? (from + to) / 2;
      this.zoom(middle - (middle - from) * factor, middle + (to - middle) * factor);
    }

    zoom(from, to) {
      const least = this.days ? 3 : 10;
      const middle = (from + to) / 2;
      if (to - from < least) [from, to] = [middle - least / 2, middle + least / 2];
      from = Math.max(from, this.whole[0]);
      to = Math.min(to, this.whole[1]);
      const isWhole = to - from >= (this.whole[1] - this.whole[0]) * 0.999;
      this.range = isWhole ? this.whole : [from, to];
      if (this.buttons.out) this.buttons.out.disabled = isWhole;
      if (this.buttons.all) this.buttons.all.disabled = isWhole;
      this.draw();
      const when = (moment) => (this.days ? longDay(moment) : clock(moment));
      this.say(isWhole ? "All of it" : `From ${when(from)} to ${when(to)}`);
      clearTimeout(this.settling);
      if (!this.days) this.settling = setTimeout(() => this.fetch(), 150);
    }

    when(moment) {
      return this.days ? `on ${longDay(moment)}` : `at ${clock(moment)}`;
    }

    /** Marks of the common axis: [moment, word]. */
    ticks(from, to, count) {
      if (!this.days) {
        const step = TIME_STEPS.find((one) => (to - from) / one <= count) || 86400;
        const ticks = [];
        for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) ticks.push([tick, clock(tick)]);
        return ticks;
      }
      const step = [1, 2, 7, 14].find((one) => (to - from) / one <= count);
      const ticks = [];
      if (step) {
        for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) ticks.push([tick, shortDay(tick)]);
        return ticks;
      }
      const months = [1, 3, 6, 12, 24, 60].find((one) => (to - from) / (30.4 * one) <= count) || 120;
      const begin = dateOf(from);
      let month = begin.getUTCFullYear() * 12 + begin.getUTCMonth();
      month = Math.ceil(month / months) * months;
      for (let tick = 0; ; month += months) {
        tick = ordinalOf(Math.floor(month / 12), month % 12);
        if (tick > to) return ticks;
        if (tick >= from) ticks.push([tick, monthDay(tick)]);
      }
    }
  }

  addEventListener("DOMContentLoaded", () => {
    for (const element of document.querySelectorAll("[data-charts]")) new Group(element);
  });
})();
