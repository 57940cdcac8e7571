"use strict";
/* The route of an activity, drawn like a survey sheet: no tiles, so that nobody learns where the athlete was.
 * <section data-route data-url data-long-m="1000" data-long="km" data-short-m="1" data-short="m"> with a canvas in it.
 * Where data-sources names several sources and data-of some of them, the route of each is drawn, the first as the main one.
 * Where the operator shows tiles, the section has data-tiles and Leaflet draws in a <div class="route-map"> instead.
 */
(() => {
  const RADIUS_M = 6371008.8;
  const PAD = 44;
  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500];

  const radians = (degrees) => (degrees * Math.PI) / 180;

  /** Metres between two places. */
  const between = (lat1, lon1, lat2, lon2) => {
    const a = radians(lat1);
    const b = radians(lat2);
    const half = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(radians(lon2 - lon1) / 2) ** 2;
    return 2 * RADIUS_M * Math.asin(Math.sqrt(half));
  };

  /** Places that were told, with their time and the way so far in metres. */
  const trackOf = ({ latitude, longitude }) => {
    const track = [];
    let way = 0;
    latitude.time_s.forEach((time, at) => {
      const lat = latitude.value[at];
      const lon = longitude.value[at];
      if (lat === null || lon === null) return;
      const last = track[track.length - 1];
      if (last) way += between(last.lat, last.lon, lat, lon);
      track.push({ time, lat, lon, way });
    });
    return track;
  };

  /** The way as one source told it, its times counted as the charts beside it count them; null is the shown source. */
  const load = async (url, source) => {
    const address = source ? `${url}&source=${source.id}` : url;
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const { streams } = await answer.json();
    const track = streams.latitude && streams.longitude ? trackOf(streams) : [];
    for (const place of track) place.time += source ? source.shift : 0;
    return { number: source ? source.number : 0, track };
  };

  const announce = (seconds, from) =>
    document.dispatchEvent(new CustomEvent("trainstack:moment", { detail: { seconds, from } }));

  class Sheet {
    constructor(section, canvas, { track, number }, others) {
      this.section = section;
      this.canvas = canvas;
      this.track = track;
      this.tone = number ? `--source-${number}` : "--signal";
      // What other sources told of the same way: { number, track }.
      this.others = others;
      this.places = [track, ...others.map((other) => other.track)].flat();
      this.long = { metres: Number(section.dataset.longM), name: section.dataset.long };
      this.short = { metres: Number(section.dataset.shortM), name: section.dataset.short };
      this.moment = null;
      const lats = this.places.map((place) => place.lat);
      this.lat0 = (Math.min(...lats) + Math.max(...lats)) / 2;
      // Longitudes counted from the first, so that a route over the date line stays whole.
      const lon0 = track[0].lon;
      const shrink = Math.cos(radians(this.lat0));
      for (const place of this.places) {
        place.east = radians(((place.lon - lon0 + 540) % 360) - 180) * RADIUS_M * shrink;
        place.north = radians(place.lat - this.lat0) * RADIUS_M;
      }
      new ResizeObserver(() => this.draw()).observe(canvas);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
      document.addEventListener("trainstack:moment", (event) => {
        this.moment = event.detail.seconds;
        this.draw();
      });
      canvas.addEventListener("pointermove", (event) => this.hover(event));
      canvas.addEventListener("pointerleave", () => announce(null, this));
    }

    fit(width, height) {
      const easts = this.places.map((place) => place.east);
      const norths = this.places.map((place) => place.north);
      const [west, east] = [Math.min(...easts), Math.max(...easts)];
      const [south, north] = [Math.min(...norths), Math.max(...norths)];
      // A route in one spot is shown a hundred metres wide.
      this.scale = Math.min((width - 2 * PAD) / Math.max(east - west, 60), (height - 2 * PAD - 16) / Math.max(north - south, 60));
      this.x = (place) => width / 2 + (place.east - (east + west) / 2) * this.scale;
      this.y = (place) => height / 2 - 8 - (place.north - (north + south) / 2) * this.scale;
      this.origin = { x: this.x({ east: 0 }), y: this.y({ north: 0 }) };
    }

    /** A round length that is about so many pixels long: pixels, and words. */
    roundLength(pixels) {
      const metres = pixels / this.scale;
      const unit = metres >= this.long.metres * 0.9 ? this.long : this.short;
      const raw = metres / unit.metres;
      const power = 10 ** Math.floor(Math.log10(raw));
      const number = [5, 2, 1].map((part) => part * power).find((one) => one <= raw) || power;
      return { pixels: number * unit.metres * this.scale, words: `${number.toLocaleString("en")} ${unit.name}` };
    }

    draw() {
      const sheet = trainstack.canvas(this.canvas, this.section);
      if (!sheet) return;
      const { pen, width, height, colour } = sheet;
      // On its way to another size the box may be smaller than the margins: nothing can be drawn to scale then.
      if (width <= 4 * PAD || height <= 4 * PAD) return;
      this.colours = Object.fromEntries(
        ["paper", "surface", "line", "ink", "ink-2", "accent", "signal"].map((name) => [name, colour(`--${name}`)]),
      );
      this.colours.way = colour(this.tone);
      this.font = sheet.font;
      pen.lineJoin = "round";
      pen.lineCap = "round";
      this.fit(width, height);
      this.grid(pen, width, height);
      this.way(pen);
      this.arrows(pen);
      for (const { number, track } of this.others) this.besides(pen, track, number, colour(`--source-${number}`));
      this.marks(pen);
      this.ends(pen);
      this.scaleBar(pen, height);
      this.northArrow(pen, width);
      this.key(pen, width, height);
      this.here(pen);
    }

    grid(pen, width, height) {
      const { pixels } = this.roundLength(150);
      pen.strokeStyle = this.colours.line;
      pen.globalAlpha = 0.7;
      pen.lineWidth = 1;
      pen.beginPath();
      for (let x = this.origin.x % pixels; x < width; x += pixels) {
        pen.moveTo(Math.round(x) + 0.5, 0);
        pen.lineTo(Math.round(x) + 0.5, height);
      }
      for (let y = this.origin.y % pixels; y < height; y += pixels) {
        pen.moveTo(0, Math.round(y) + 0.5);
        pen.lineTo(width, Math.round(y) + 0.5);
      }
      pen.stroke();
      pen.globalAlpha = 1;
    }

    path(pen, track) {
      pen.beginPath();
      track.forEach((place, at) => pen[at ? "lineTo" : "moveTo"](this.x(place), this.y(place)));
    }

    way(pen) {
      this.path(pen, this.track);
      pen.strokeStyle = this.colours.surface;
      pen.lineWidth = 8;
      pen.stroke();
      pen.strokeStyle = this.colours.way;
      pen.lineWidth = 3.5;
      pen.stroke();
    }

    /** The way as another source told it. */
    besides(pen, track, number, tone) {
      this.path(pen, track);
      pen.strokeStyle = tone;
      pen.lineWidth = 2.2;
      pen.setLineDash(trainstack.dashes[number] || []);
      pen.stroke();
      pen.setLineDash([]);
    }

    /** The place after so many metres, and the direction there. */
    at(metres) {
      let low = 1;
      let high = this.track.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.track[middle].way < metres) low = middle + 1;
        else high = middle;
      }
      const [a, b] = [this.track[low - 1], this.track[low]];
      const part = b.way > a.way ? (metres - a.way) / (b.way - a.way) : 0;
      const x = this.x(a) + (this.x(b) - this.x(a)) * part;
      const y = this.y(a) + (this.y(b) - this.y(a)) * part;
      return { x, y, angle: Math.atan2(this.y(b) - this.y(a), this.x(b) - this.x(a)) };
    }

    get length() {
      return this.track[this.track.length - 1].way;
    }

    arrows(pen) {
      const step = 110 / this.scale;
      pen.strokeStyle = this.colours.surface;
      pen.lineWidth = 1.6;
      for (let metres = step / 2; metres < this.length; metres += step) {
        const { x, y, angle } = this.at(metres);
        pen.save();
        pen.translate(x, y);
        pen.rotate(angle);
        pen.beginPath();
        pen.moveTo(-1.6, -2.6);
        pen.lineTo(1.4, 0);
        pen.lineTo(-1.6, 2.6);
        pen.stroke();
        pen.restore();
      }
    }

    marks(pen) {
      const unit = this.long.metres;
      const step = STEPS.find((one) => one * unit * this.scale >= 38 && this.length / unit / one <= 40) || 1000;
      this.step = step;
      pen.font = `600 11px ${this.font}`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      const ends = [this.track[0], this.track[this.track.length - 1]];
      const taken = ends.map((place) => ({ x: this.x(place), y: this.y(place) }));
      for (let number = step; number * unit < this.length; number += step) {
        const { x, y } = this.at(number * unit);
        const words = String(number);
        const half = Math.max(9, pen.measureText(words).width / 2 + 5);
        if (taken.some((other) => Math.hypot(other.x - x, other.y - y) < half + 11)) continue;
        taken.push({ x, y });
        pen.beginPath();
        pen.roundRect(x - half, y - 9, 2 * half, 18, 9);
        pen.fillStyle = this.colours.surface;
        pen.fill();
        pen.strokeStyle = this.colours.signal;
        pen.lineWidth = 1.5;
        pen.stroke();
        pen.fillStyle = this.colours.ink;
        pen.fillText(words, x, y + 0.5);
      }
    }

    ends(pen) {
      const [first, last] = [this.track[0], this.track[this.track.length - 1]];
      this.finish(pen, this.x(last), this.y(last));
      // Where both are one spot, the start is drawn within the end.
      const same = Math.hypot(this.x(first) - this.x(last), this.y(first) - this.y(last)) < 10;
      this.begin(pen, this.x(first), this.y(first), same ? 4 : 7);
    }

    begin(pen, x, y, radius) {
      pen.beginPath();
      pen.arc(x, y, radius, 0, 7);
      pen.fillStyle = this.colours.accent;
      pen.fill();
      pen.strokeStyle = this.colours.surface;
      pen.lineWidth = 2.5;
      pen.stroke();
    }

    finish(pen, x, y) {
      pen.beginPath();
      pen.roundRect(x - 8, y - 8, 16, 16, 3);
      pen.fillStyle = this.colours.ink;
      pen.fill();
      pen.strokeStyle = this.colours.surface;
      pen.lineWidth = 2.5;
      pen.stroke();
    }

    plate(pen, x, y, width, height) {
      pen.fillStyle = this.colours.surface;
      pen.globalAlpha = 0.88;
      pen.beginPath();
      pen.roundRect(x, y, width, height, 5);
      pen.fill();
      pen.globalAlpha = 1;
    }

    scaleBar(pen, height) {
      const { pixels, words } = this.roundLength(130);
      const [x, y] = [20, height - 20];
      this.plate(pen, x - 10, y - 24, pixels + 20, 34);
      pen.strokeStyle = this.colours.ink;
      pen.fillStyle = this.colours.ink;
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.moveTo(x, y - 5);
      pen.lineTo(x, y);
      pen.lineTo(x + pixels, y);
      pen.lineTo(x + pixels, y - 5);
      pen.stroke();
      pen.font = `12px ${this.font}`;
      pen.textAlign = "left";
      pen.textBaseline = "alphabetic";
      pen.fillText(words, x + 5, y - 6);
    }

    northArrow(pen, width) {
      const [x, y] = [width - 30, 20];
      this.plate(pen, x - 13, y - 10, 26, 46);
      pen.fillStyle = this.colours.ink;
      pen.beginPath();
      pen.moveTo(x, y - 5);
      pen.lineTo(x + 6, y + 12);
      pen.lineTo(x, y + 8);
      pen.lineTo(x - 6, y + 12);
      pen.closePath();
      pen.fill();
      pen.font = `600 12px ${this.font}`;
      pen.textAlign = "center";
      pen.textBaseline = "alphabetic";
      pen.fillText("N", x, y + 29);
    }

    key(pen, width, height) {
      pen.font = `12px ${this.font}`;
      pen.textBaseline = "middle";
      pen.textAlign = "left";
      const marks = this.length > this.step * this.long.metres;
      const every = this.step === 1 ? this.long.name : `every ${this.step} ${this.long.name}`;
      const words = ["Start", "End", ...(marks ? [every] : [])];
      const widths = words.map((word) => pen.measureText(word).width + 34);
      const whole = widths.reduce((sum, one) => sum + one, 0);
      let x = width - 12 - whole;
      const y = height - 20;
      // On a narrow sheet it goes to the top, clear of the scale.
      const at = x < 190 ? 22 : y;
      if (at !== y) x = 20;
      this.plate(pen, x - 10, at - 14, whole + 6, 28);
      words.forEach((word, number) => {
        if (number === 0) this.begin(pen, x + 6, at, 5);
        else if (number === 1) {
          pen.fillStyle = this.colours.ink;
          pen.fillRect(x + 1, at - 5, 10, 10);
        } else {
          pen.strokeStyle = this.colours.signal;
          pen.lineWidth = 1.5;
          pen.beginPath();
          pen.arc(x + 6, at, 5, 0, 7);
          pen.stroke();
        }
        pen.fillStyle = this.colours.ink;
        pen.fillText(word, x + 17, at + 0.5);
        x += widths[number];
      });
    }

    here(pen) {
      if (this.moment === null) return;
      const place = this.track.reduce((best, one) =>
        Math.abs(one.time - this.moment) < Math.abs(best.time - this.moment) ? one : best,
      );
      pen.beginPath();
      pen.arc(this.x(place), this.y(place), 7, 0, 7);
      pen.fillStyle = this.colours.surface;
      pen.strokeStyle = this.colours.ink;
      pen.lineWidth = 3;
      pen.fill();
      pen.stroke();
    }

    hover(event) {
      const box = this.canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      let best = null;
      let least = 28;
      for (const place of this.track) {
        const away = Math.hypot(this.x(place) - x, this.y(place) - y);
        if (away < least) [best, least] = [place, away];
      }
      announce(best && best.time, this);
    }
  }

  /** The same on the operator's tiles. */
  const showTiles = (section, box, track) => {
    const style = getComputedStyle(section);
    const colour = (name) => style.getPropertyValue(name).trim();
    const places = track.map((place) => [place.lat, place.lon]);
    const map = L.map(box, { scrollWheelZoom: false });
    L.tileLayer(section.dataset.tiles, { attribution: section.dataset.attribution }).addTo(map);
    const line = L.polyline(places, { color: colour("--signal"), weight: 4 }).addTo(map);
    const dot = (place, name, fill) =>
      L.circleMarker(place, { radius: 7, color: "#fff", weight: 2, fillColor: colour(fill), fillOpacity: 1 })
        .bindTooltip(name)
        .addTo(map);
    dot(places[0], "Start", "--accent");
    dot(places[places.length - 1], "End", "--ink");
    const unit = Number(section.dataset.longM);
    const imperial = section.dataset.long === "mi";
    L.control.scale({ metric: !imperial, imperial }).addTo(map);
    let next = 1;
    for (const place of track) {
      if (place.way < next * unit) continue;
      L.circleMarker([place.lat, place.lon], { radius: 4, color: colour("--signal"), fillColor: "#fff", fillOpacity: 1, weight: 2 })
        .bindTooltip(`${next} ${section.dataset.long}`)
        .addTo(map);
      next = Math.floor(place.way / unit) + 1;
    }
    map.fitBounds(line.getBounds(), { padding: [24, 24] });
    const here = L.circleMarker(places[0], { radius: 7, color: "#000", fillColor: "#fff", fillOpacity: 1 });
    document.addEventListener("trainstack:moment", ({ detail }) => {
      if (detail.seconds === null) return here.remove();
      const place = track.find((one) => one.time >= detail.seconds) || track[track.length - 1];
      return here.setLatLng([place.lat, place.lon]).addTo(map);
    });
  };

  const begin = async (section) => {
    const note = section.querySelector(".route-note");
    const say = (words) => {
      note.textContent = words;
      note.hidden = false;
    };
    try {
      const wanted = (section.dataset.of || "").split(" ").filter(Boolean).map(Number);
      const sources = trainstack.sources(section).filter((source) => wanted.includes(source.id));
      const told = await Promise.all((sources.length ? sources : [null]).map((source) => load(section.dataset.url, source)));
      const drawn = told.filter(({ track }) => track.length > 1);
      if (!drawn.length) return say("The source told too few places to draw a route.");
      const [main, ...others] = drawn;
      const box = section.querySelector(".route-map");
      if (box && window.L) return showTiles(section, box, main.track);
      return new Sheet(section, section.querySelector("canvas"), main, others).draw();
    } catch {
      return say("The route could not be loaded. Load the page again to try once more.");
    }
  };

  addEventListener("DOMContentLoaded", () => {
    for (const section of document.querySelectorAll("[data-route]")) begin(section);
  });
})();
