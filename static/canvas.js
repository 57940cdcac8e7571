"use strict";
/* What every drawing on a canvas begins with; chart.js and route.js stand on it, so it comes before them.
 *   trainstack.canvas(canvas, element)   a cleared canvas as large as its box: pen, size in CSS pixels, the element's
 *                                        colours and font; null while the box has no size
 *   trainstack.dashes                    how the line of each source is dashed, by its number: sources are told apart by
 *                                        their line as well as by their colour, and the legend of the page draws the same
 *   trainstack.sources(element)          the sources that its data-sources names by the id of a JSON script
 */
window.trainstack = {
  dashes: { 2: [7, 4], 3: [2, 4], 4: [10, 4, 2, 4], 5: [14, 5], 6: [4, 3] },

  sources(element) {
    const told = element.dataset.sources && document.getElementById(element.dataset.sources);
    return told ? JSON.parse(told.textContent) : [];
  },

  canvas(canvas, element) {
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width || !height) return null;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(element);
    return { pen, width, height, font: style.fontFamily, colour: (name) => style.getPropertyValue(name).trim() };
  },
};
