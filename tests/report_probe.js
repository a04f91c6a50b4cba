"use strict";
/* Measures the report in frames of several widths, and writes what it found as JSON. */

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

const channels = (colour) => colour.match(/[\d.]+/g).map(Number);

const luminance = (colour) => {
  const [r, g, b] = channels(colour).slice(0, 3).map((c) => {
    const part = c / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

const ground = (element, window) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = window.getComputedStyle(at).backgroundColor;
    const [, , , opacity = 1] = channels(colour);
    if (opacity > 0) return colour;
  }
  return "rgb(255, 255, 255)";
};

const contrast = (element, window) => {
  const style = window.getComputedStyle(element);
  const front = element instanceof window.SVGElement ? style.fill : style.color;
  const [low, high] = [luminance(front), luminance(ground(element, window))].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};

const texts = (document) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() && parent.checkVisibility()) found.add(parent);
  }
  return [...found].filter((element) => !element.closest("script, style"));
};

const worst = (document, window) => texts(document)
  .map((element) => [contrast(element, window), element.textContent.trim().slice(0, 40)])
  .sort(([a], [b]) => a - b)[0];

/* The share of rows whose verdict lies inside the table's window, scrolled as far as it goes. */
const inSight = (document) => {
  const box = document.querySelector(".tall");
  box.scrollLeft = box.scrollWidth;
  const { left, right } = box.getBoundingClientRect();
  const rows = [...document.querySelectorAll(".claims tbody tr")];
  const seen = rows.filter((row) => {
    const cell = row.cells[0].getBoundingClientRect();
    const words = row.cells[0].firstElementChild.getBoundingClientRect();
    const inside = words.left >= cell.left && words.right <= cell.right && words.width > 0;
    return inside && cell.left >= left - 1 && cell.right <= right + 1;
  });
  return { rows: rows.length, seen: seen.length, scrolled: box.scrollLeft };
};

const shownVerdicts = (document) => [...document.querySelectorAll(".claims tbody tr")]
  .filter((row) => row.checkVisibility()).map((row) => row.cells[0].textContent);

const pressed = (document) => [...document.querySelectorAll(".strip button")].map((button) => {
  button.click();
  const found = { button: button.textContent, shown: shownVerdicts(document),
    told: document.querySelector("[role=status]").textContent };
  button.click();
  return found;
});

const focused = (document, window) =>
  ["a.skip", ".strip button", "summary", "main a", ".switches input", ".tall"].map((selector) => {
    const element = document.querySelector(selector);
    element.focus();
    const { outlineStyle } = window.getComputedStyle(element);
    const { left } = element.getBoundingClientRect();
    return [selector, document.activeElement === element && outlineStyle !== "none" && left >= 0];
  });

const lines = (plot) => plot.querySelectorAll(".scatterlayer .trace").length;

const switched = async (document) => {
  const place = document.querySelector(".plots");
  const plot = place.querySelector(".plot");
  const click = async (fieldset, box) => {
    place.querySelectorAll("fieldset")[fieldset].querySelectorAll("input")[box].click();
    await wait(50);
    return lines(plot);
  };
  const all = lines(plot);
  const found = { all, withoutRuns: await click(1, 0), withoutRunsAndFirst: await click(0, 0) };
  await click(0, 0);
  await click(1, 0);
  await click(2, 1);
  return { ...found, again: lines(plot), y: plot.layout.yaxis.type, x: plot.layout.xaxis.type };
};

/* What is said of the last point of the line on top. */
const pointed = async (document, window) => {
  const plot = document.querySelector(".plot");
  const curveNumber = plot.data.length - 1;
  const pointNumber = plot.data[curveNumber].x.length - 1;
  window.Plotly.Fx.hover(plot, [{ curveNumber, pointNumber }]);
  await wait(100);
  return [...plot.querySelectorAll(".hoverlayer tspan.line")].map((each) => each.textContent);
};

const drawn = (document) => [...document.querySelectorAll(".plot")].map((plot) => ({
  lines: lines(plot), label: plot.getAttribute("aria-label"), width: plot.clientWidth,
  drawing: plot.querySelector(".main-svg")?.clientWidth,
}));

const measure = async (frame, scripted) => {
  const { contentDocument: document, contentWindow: window } = frame;
  for (let i = 0; scripted && document.documentElement.dataset.drawn !== "all"; i += 1) {
    if (i > 2000) return { error: "not drawn" };
    await wait(20);
  }
  const own = scripted ? {
    said: await pointed(document, window), pressed: pressed(document), focused: focused(document, window), plots: drawn(document),
    switched: await switched(document),
  } : {};
  for (const each of document.querySelectorAll("details")) each.open = true;
  await wait(50);
  return {
    width: window.innerWidth,
    needs: document.scrollingElement.scrollWidth,
    ground: window.getComputedStyle(document.body).backgroundColor,
    contrast: worst(document, window),
    claims: inSight(document),
    shown: shownVerdicts(document),
    buttons: document.querySelectorAll("button").length,
    pictures: [...document.querySelectorAll("img")].filter((each) => each.checkVisibility()).length,
    places: [...document.querySelectorAll(".plots")].filter((each) => each.checkVisibility()).length,
    broken: [...document.querySelectorAll("img")].filter((each) => !each.naturalWidth).length,
    loaded: window.performance.getEntriesByType("resource").map((entry) => entry.name),
    ...own,
  };
};

addEventListener("load", async () => {
  const found = {};
  for (const frame of document.querySelectorAll("iframe")) {
    found[frame.id] = await measure(frame, !frame.hasAttribute("sandbox"))
      .catch((problem) => ({ error: String(problem.stack) }));
  }
  document.querySelector("pre").textContent = JSON.stringify(found);
});
