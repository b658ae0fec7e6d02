// The dashboard's page: asks every two seconds what is new, and draws it. The server is packages/cli/src/commands/train/dashboard.ts.
import uPlot from "/uPlot.js";

const INTERVAL = 2000;
const element = (id) => document.getElementById(id);
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
/** Three digits, with an exponent where zeros would run out of an axis's margin. */
const short = (value) => {
  if (!Number.isFinite(value)) return "";
  const rounded = Number(value.toPrecision(3));
  return rounded !== 0 && Math.abs(rounded) < 0.001 ? rounded.toExponential() : String(rounded);
};

/** The stage that is shown, its lines, the byte that the next ones begin at, and the sheets that are there. */
let shown = { id: undefined, lines: [], next: 0, samples: [] };
let chosen;
let charts = [];

/** A running mean: what is smooth enough to show where a noisy curve goes. */
function smooth(values) {
  let mean;
  return values.map((value) => {
    mean = mean === undefined ? value : 0.9 * mean + 0.1 * value;
    return mean;
  });
}

function axis(extra = {}) {
  const line = { stroke: () => color("line"), width: 1 };
  return { stroke: () => color("quiet"), grid: line, ticks: line, ...extra };
}

function chart(id, names, { logarithmic = false, faint, sparse = false } = {}) {
  const target = element(id);
  const series = names.map((label, at) => ({
    label,
    stroke: () => color(`series-${(at % 6) + 1}`),
    width: 2,
    value: (_, value) => short(value),
    points: { show: sparse },
    spanGaps: sparse,
  }));
  if (faint) series.unshift({ ...series[0], label: faint, width: 1, alpha: 0.35 });
  const options = {
    width: target.clientWidth,
    height: 260,
    scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : {} },
    series: [{ label: "step" }, ...series],
    axes: [axis(), axis({ size: 60, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick))) })],
  };
  const plot = new uPlot(options, [[], ...series.map(() => [])], target);
  return { target, plot };
}

const isHealth = (name) => name.startsWith("dead.");

/** What the charts are of: the names of the losses, and whether a checkpoint was examined. */
function termsOf() {
  const terms = Object.keys(shown.lines[0] ?? {}).filter((name) => name.startsWith("loss."));
  return `${terms.join()} ${shown.lines.some((line) => Object.keys(line).some(isHealth))}`;
}

/** The shares of dead channels: the layers' mean, and the largest of them. */
function deadShares(layers) {
  const shares = shown.lines.map((line) => layers.map((name) => line[name]).filter((share) => share !== undefined));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, (values) => Math.max(...values)].map((of) =>
    shares.map((values) => (values.length > 0 ? 100 * of(values) : null)),
  );
}

/** Makes the charts of a stage anew, whose terms are known from its first line. */
function drawCharts() {
  for (const { plot } of charts) plot.destroy();
  const terms = Object.keys(shown.lines[0] ?? {}).filter((name) => name.startsWith("loss."));
  // With every checkpoint only.
  const examined = Object.keys(shown.lines.find((line) => Object.keys(line).some(isHealth)) ?? {});
  for (const id of ["dead", "perplexity"]) element(id).closest("section").hidden = examined.length === 0;
  const layers = examined.filter((name) => name.startsWith("dead."));
  const levels = examined.filter((name) => name.startsWith("perplexity."));
  const column = (name) => shown.lines.map((line) => line[name] ?? null);
  const made = [
    [
      chart("loss", ["smoothed"], { logarithmic: true, faint: "as logged" }),
      () => [column("loss"), smooth(column("loss"))],
    ],
    [
      chart(
        "terms",
        terms.map((name) => name.slice(5)),
        { logarithmic: true },
      ),
      () => terms.map((name) => smooth(column(name))),
    ],
    [chart("rate", ["learning rate"]), () => [column("rate")]],
    [chart("speed", ["samples a second"]), () => [column("samplesPerSecond")]],
    [chart("dead", ["of all", "of the worst layer"], { sparse: true }), () => deadShares(layers)],
    [
      chart(
        "perplexity",
        levels.map((name) => `level ${name.slice("perplexity.".length)}`),
        { logarithmic: true, sparse: true },
      ),
      () => levels.map(column),
    ],
  ];
  charts = made.map(([made, columns]) => ({ ...made, columns, terms: termsOf() }));
}

function fillCharts() {
  if (charts.length === 0 || charts[0].terms !== termsOf()) drawCharts();
  const steps = shown.lines.map((line) => line.step);
  for (const { plot, columns } of charts) plot.setData([steps, ...columns()]);
}

function duration(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function showFacts(stage) {
  const last = shown.lines.at(-1);
  const step = last?.step ?? 0;
  element("progress").value = step / stage.steps;
  const facts = { Step: `${step} of ${stage.steps}` };
  if (last) {
    facts.Loss = short(smooth(shown.lines.map((line) => line.loss)).at(-1));
    facts["Samples seen"] = last.samples.toLocaleString("en");
    facts["Samples a second"] = short(last.samplesPerSecond);
    facts["Outside the engine"] = `${(100 * last.outside).toFixed(1)} %`;
    const left = ((stage.steps - step) * stage.batch) / last.samplesPerSecond;
    if (stage.training && step < stage.steps) facts["Time left"] = duration(left);
  }
  facts.Network = `${stage.preset}, ${stage.crop} px, ${stage.device}`;
  element("facts").replaceChildren(
    ...Object.entries(facts).map(([name, value]) => {
      const [group, term, detail] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
      term.textContent = name;
      detail.textContent = value;
      group.append(term, detail);
      return group;
    }),
  );
  const status = element("status");
  status.textContent = stage.training ? `training: ${stage.stage}` : step < stage.steps ? "stopped" : "done";
  status.classList.toggle("training", stage.training);
}

function showStages(stages) {
  const nav = element("stages");
  nav.hidden = stages.length < 2;
  nav.replaceChildren(
    ...stages.map(({ id, stage }) => {
      const button = document.createElement("button");
      button.textContent = stage;
      button.setAttribute("aria-pressed", String(id === shown.id));
      button.addEventListener("click", () => {
        chosen = id;
        update();
      });
      return button;
    }),
  );
}

/** Shows the sheet that the slider is at; a slider at its end follows the newest. */
function showSheet(samples) {
  const slider = element("sheetSlider");
  const following = shown.samples.length === 0 || Number(slider.value) === shown.samples.length - 1;
  shown.samples = samples;
  slider.max = String(Math.max(0, samples.length - 1));
  if (following) slider.value = slider.max;
  slider.hidden = samples.length < 2;
  element("noSheet").hidden = samples.length > 0;
  element("sheetLink").hidden = samples.length === 0;
  const name = samples[Number(slider.value)];
  if (name === undefined) {
    element("sheetStep").textContent = "";
    return;
  }
  const address = `/samples/${shown.id}/${name}`;
  element("sheetStep").textContent = `after ${Number.parseInt(name, 10).toLocaleString("en")} steps`;
  if (element("sheet").getAttribute("src") !== address) element("sheet").src = address;
  element("sheetLink").href = address;
}

async function update() {
  const { name, stages } = await (await fetch("/state.json")).json();
  element("name").textContent = name;
  document.title = `${name} · adaattn`;
  const stage = stages.find(({ id }) => id === chosen) ?? stages.find(({ training }) => training) ?? stages[0];
  if (stage === undefined) {
    element("status").textContent = "nothing yet";
    return;
  }
  if (stage.id !== shown.id) shown = { id: stage.id, lines: [], next: 0, samples: [] };
  const target = shown;
  const { from, next, lines } = await (await fetch(`/metrics/${stage.id}?from=${target.next}`)).json();
  if (target !== shown) return;
  // A run that was killed takes back the lines that it had not saved.
  if (from < shown.next) shown.lines = [];
  shown.lines.push(...lines);
  const fresh = shown.next !== next;
  shown.next = next;
  showStages(stages);
  showFacts(stage);
  showSheet(stage.samples);
  if (fresh || charts.length === 0) fillCharts();
}

async function poll() {
  try {
    await update();
  } catch {
    element("status").textContent = "the trainer does not answer";
    element("status").classList.remove("training");
  }
  setTimeout(poll, INTERVAL);
}

element("sheetSlider").addEventListener("input", () => showSheet(shown.samples));
addEventListener("resize", () => {
  for (const { plot, target } of charts) plot.setSize({ width: target.clientWidth, height: 260 });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { plot } of charts) plot.redraw();
});
poll();
