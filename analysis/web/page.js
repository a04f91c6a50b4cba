"use strict";

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

/* The verdicts filter the claims: those that are pressed are shown, and all where none is. */
const filter = () => {
  const strip = document.querySelector(".strip");
  const rows = [...document.querySelectorAll(".claims tbody tr")];
  const told = make("p", { className: "shown" });
  told.setAttribute("role", "status");
  const buttons = [...strip.querySelectorAll("[data-verdict]")].map((item) => {
    const button = make("button", { type: "button" }, ...item.childNodes);
    button.dataset.verdict = item.dataset.verdict;
    button.setAttribute("aria-pressed", "false");
    item.append(button);
    return button;
  });
  const show = () => {
    const pressed = buttons.filter((button) => button.getAttribute("aria-pressed") === "true");
    const wanted = new Set(pressed.map((button) => button.dataset.verdict));
    for (const row of rows) row.hidden = wanted.size > 0 && !wanted.has(row.dataset.verdict);
    const count = rows.filter((row) => !row.hidden).length;
    told.textContent = wanted.size
      ? `${count} of ${rows.length} claims are shown; press again to show all.`
      : `All ${rows.length} claims are shown; press a verdict to see its own.`;
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!pressed));
      show();
    });
  }
  strip.after(told);
  show();
};

const transparent = (colour, opacity) => {
  const channels = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  return `rgba(${channels.join(",")},${opacity})`;
};

const line = (x, y, colour, width, more) => ({
  type: "scatter", mode: "lines", x, y, line: { color: colour, width }, showlegend: false, ...more,
});

const band = (mean, colour) => {
  const known = mean.x.map((_, i) => i).filter((i) => mean.low[i] !== null && mean.high[i] !== null);
  const back = [...known].reverse();
  const x = [...known, ...back].map((i) => mean.x[i]);
  const y = [...known.map((i) => mean.low[i]), ...back.map((i) => mean.high[i])];
  const fill = transparent(colour, mean.faded ? 0.07 : 0.16);
  return line(x, y, colour, 0, { fill: "toself", fillcolor: fill, hoverinfo: "skip" });
};

const average = (mean, method) => line(mean.x, mean.mean, method.colour, 2.2, {
  opacity: mean.faded ? 0.4 : 1,
  customdata: mean.x.map((_, i) => (mean.low[i] === null ? "no interval"
    : `95 % interval ${mean.low[i]} to ${mean.high[i]}`)),
  hovertemplate: `<b>${method.label}</b> (${mean.note})<br>at %{x:,}: %{y:.4~g}`
    + "<br>%{customdata}<extra></extra>",
});

const single = (run, method) => line(run.x, run.y, transparent(method.colour, 0.3), 1, {
  hovertemplate: `${method.label}, ${run.note}<br>at %{x:,}: %{y:.4~g}<extra></extra>`,
});

const others = (found, method, name) => {
  const template = `${method.label}, ${name}<br>at %{x:,}: %{y:.4~g}<extra></extra>`;
  const bars = { type: "data", array: found.error, thickness: 0.8, width: 0,
    color: transparent(method.colour, 0.45) };
  const drawn = found.joined
    ? { line: { color: method.colour, width: 1.2, dash: "dash" }, error_y: bars }
    : { mode: "markers", marker: { color: method.colour, size: 4 } };
  return line(found.x, found.y, method.colour, 1, {
    opacity: 0.65, hovertemplate: template, ...drawn,
  });
};

/* From the back to the front: others, bands, runs, means; the first method on top. */
const traces = (panel, data, state) => {
  const own = (kind) => [...panel[kind]].reverse().filter((each) => state.methods[each.method]);
  const method = (each) => data.methods[each.method];
  const named = (each) => others(each, method(each), data.published);
  return [
    ...(state.published ? own("published").map(named) : []),
    ...(state.intervals ? own("means").map((mean) => band(mean, method(mean).colour)) : []),
    ...(state.runs ? own("runs").map((run) => single(run, method(run))) : []),
    ...own("means").map((mean) => average(mean, method(mean))),
  ];
};

const coarse = window.matchMedia("(pointer: coarse)").matches;

const layout = (panel, state) => {
  const axis = (text, log) => ({ title: { text, standoff: 8 }, type: log ? "log" : "linear",
    automargin: true, gridcolor: "#e4e4e4", zeroline: false, linecolor: "#555", ticks: "outside" });
  return {
    xaxis: axis(panel.x, state.logX), yaxis: axis(panel.y, state.logY), autosize: true,
    margin: { l: 48, r: 12, t: 8, b: 44 }, paper_bgcolor: "#fff", plot_bgcolor: "#fff",
    font: { family: "system-ui, sans-serif", size: 12, color: "#1c1e21" },
    hovermode: "closest",
    hoverlabel: { align: "left", bgcolor: "#fff", font: { color: "#1c1e21" } }, dragmode: coarse ? false : "zoom",
  };
};

const switches = (name, boxes, change) => {
  const labels = boxes.map(({ text, on, colour, set }) => {
    const input = make("input", { type: "checkbox", checked: on });
    input.addEventListener("change", () => { set(input.checked); change(); });
    const swatch = make("span", { className: "swatch" });
    swatch.style.background = colour || "none";
    return make("label", {}, input, ...(colour ? [swatch] : []), text);
  });
  return make("fieldset", { className: "switches" }, make("legend", {}, name), ...labels);
};

/* One chapter: its switches, and a plot a panel in place of the picture. */
const chapter = (place) => {
  const data = JSON.parse(place.querySelector("script").textContent);
  const state = { methods: data.methods.map(() => true), published: true, intervals: true,
    runs: true, logX: false, logY: false };
  const config = { responsive: true, displaylogo: false, displayModeBar: false };
  const plots = data.panels.map((panel, i) => {
    const plot = make("div", { className: "plot", id: `${place.id}-${i}` });
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", panel.alternative);
    return { panel, plot };
  });
  const draw = ({ panel, plot }) => Plotly.react(plot, traces(panel, data, state),
    layout(panel, state), config);
  const change = () => plots.forEach(draw);
  const toggle = (key, text) => ({ text, on: state[key], set: (on) => { state[key] = on; } });
  const shown = [toggle("runs", "single runs"), toggle("intervals", "95 % intervals")];
  if (data.published) shown.push(toggle("published", data.published));
  place.append(
    switches("Methods", data.methods.map(({ label, colour }, i) => ({
      text: label, colour, on: true, set: (on) => { state.methods[i] = on; },
    })), change),
    switches("Show", shown, change),
    switches("Axes", [toggle("logX", "logarithmic x"), toggle("logY", "logarithmic y")], change),
    make("div", { className: "panels" }, ...plots.map(({ panel, plot }) => make("div", {},
      make("h3", {}, panel.title), plot))),
    make("p", { className: "hint" }, "Point at a line for its values; draw a frame to look closer, "
      + "and click twice to come back. Thick lines are means over runs, thin ones single runs. A "
      + "logarithmic axis leaves out what is not above zero."),
  );
  return {
    begin: () => {
      place.closest("figure").querySelector(".picture").hidden = true;
      place.hidden = false;
    },
    draws: plots.map((each) => () => draw(each)),
  };
};

/* One plot after another, so that the page answers in between. */
const drawAll = (chapters) => {
  const steps = chapters.flatMap(({ begin, draws }) => [begin, ...draws]);
  const next = () => {
    const step = steps.shift();
    if (!step) {
      document.documentElement.dataset.drawn = "all";
      return;
    }
    step();
    setTimeout(next);
  };
  next();
};

filter();
if (window.Plotly) drawAll([...document.querySelectorAll(".plots")].map(chapter));
