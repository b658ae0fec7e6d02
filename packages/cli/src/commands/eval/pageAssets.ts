/**
 * How the page of a report looks, light and dark, and what it does: sorting, filtering, and looking
 * at pictures closely.
 */

export const STYLE = `
:root { color-scheme: light dark; --paper: #fbfaf8; --card: #fff; --ink: #23211f; --soft: #77716b; --line: #e6e2dc; --accent: #2f6f8f; --gold: #b9822b; --rose: #a8476a; --bad: #d2603a; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #171615; --card: #201f1d; --ink: #ece8e2; --soft: #9a938b; --line: #35322f; --accent: #7fbfdd; --gold: #e0b060; --rose: #e38aab; --bad: #e8774e; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; }
header, main { max-width: 1480px; margin: 0 auto; padding: 0 28px; }
header { padding-top: 36px; padding-bottom: 20px; }
h1 { font-size: 30px; font-weight: 650; letter-spacing: -.02em; margin: 0 0 14px; }
h1 em { font-style: normal; color: var(--accent); }
h2 { font-size: 20px; font-weight: 650; letter-spacing: -.01em; margin: 0; }
dl { display: flex; flex-wrap: wrap; gap: 6px 30px; margin: 0; }
dt { color: var(--soft); font-size: 12px; }
dd { margin: 0; overflow-wrap: anywhere; }
section, .failures { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 22px; margin-bottom: 22px; }
table { width: 100%; border-collapse: collapse; }
th { text-align: right; font-weight: 500; color: var(--soft); font-size: 13px; white-space: nowrap; padding: 6px 10px; }
td { text-align: right; padding: 8px 10px; border-top: 1px solid var(--line); }
.summary th[scope=row] { text-align: left; color: var(--ink); font-size: 15px; font-weight: 600; border-top: 1px solid var(--line); white-space: normal; padding-left: 0; width: 30%; }
.summary small { display: block; font-weight: 400; color: var(--soft); font-size: 12.5px; }
.summary p { color: var(--soft); font-size: 13px; margin: 14px 0 0; max-width: 100ch; }
.summary .chart { width: 32%; padding-right: 0; text-align: left; }
.median { font-size: 21px; font-weight: 650; }
.anchor { color: var(--soft); }
.arrow { color: var(--soft); font-weight: 400; }
.strip { position: relative; height: 34px; }
.strip::before { content: ""; position: absolute; inset: 50% 0 auto; border-top: 1px solid var(--line); }
.strip i { position: absolute; top: 50%; }
.strip .box { height: 20px; margin-top: -10px; background: color-mix(in srgb, var(--accent) 17%, transparent); border-radius: 4px; }
.strip .middle { width: 3px; height: 26px; margin: -13px 0 0 -1.5px; background: var(--accent); border-radius: 2px; }
.dot { width: 7px; height: 7px; border-radius: 50%; background: var(--accent); opacity: .55; }
.strip .dot { margin: -3.5px 0 0 -3.5px; }
.mark { display: inline-block; width: 10px; height: 10px; }
.mark.dot { width: 7px; height: 7px; vertical-align: 1px; }
.mark.identity { background: var(--gold); border-radius: 2px; }
.mark.copy { background: var(--rose); transform: rotate(45deg); border-radius: 1px; }
.strip .mark { margin: -5px 0 0 -5px; box-shadow: 0 0 0 2px var(--card); }
.failures { border-color: var(--bad); }
.failures summary { font-weight: 600; color: var(--bad); cursor: pointer; }
.failures ul { margin: 8px 0 0; padding-left: 18px; font-size: 13px; }
.tools { display: flex; justify-content: space-between; align-items: center; gap: 20px; margin-bottom: 8px; }
input { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 6px 12px; width: 240px; }
#pairs thead th { position: sticky; top: 0; background: var(--card); z-index: 1; white-space: normal; vertical-align: bottom; box-shadow: 0 1px var(--line); }
#pairs thead th:first-child, #pairs thead th:nth-child(2) { text-align: left; padding-left: 0; }
th button { all: unset; cursor: pointer; }
th button:hover, th button:focus-visible { color: var(--accent); text-decoration: underline; }
th[aria-sort] button { color: var(--accent); font-weight: 650; }
th[aria-sort=ascending] button::after { content: " ▲"; font-size: 9px; }
th[aria-sort=descending] button::after { content: " ▼"; font-size: 9px; }
.pictures { width: 1%; padding-left: 0; }
.pictures div { display: flex; gap: 6px; align-items: center; }
.pictures a { display: flex; height: 132px; cursor: zoom-in; }
.pictures .content, .pictures .style { height: 88px; width: 112px; justify-content: center; align-items: center; }
.pictures .result { width: 178px; justify-content: center; align-items: center; }
.pictures img { max-width: 100%; max-height: 100%; border-radius: 5px; display: block; }
.name { text-align: left; padding-left: 0; overflow-wrap: anywhere; min-width: 120px; }
.name b, .name span, .name small, .rows b, .rows span, .value b, .value span { display: block; }
.name small, .rows, .value span { color: var(--soft); }
.name small { margin-top: 4px; }
.rows { font-size: 12.5px; white-space: nowrap; padding-right: 4px; }
.rows b, .value b { font-weight: 650; color: var(--ink); line-height: 24px; height: 26px; }
.rows span, .value span { font-size: 12.5px; line-height: 20px; }
.value { min-width: 96px; }
.value b { border-radius: 5px; padding: 1px 7px; margin-right: -7px; width: fit-content; margin-left: auto; background: color-mix(in srgb, var(--bad) calc(var(--rank) * var(--rank) * 34%), transparent); }
dialog { border: 0; padding: 0; margin: 0; width: 100vw; height: 100vh; max-width: none; max-height: none; background: #101010; color: #eee; }
dialog[open] { display: flex; flex-direction: column; }
.bar { display: flex; align-items: center; gap: 18px; padding: 10px 18px; }
.bar strong { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar .hint { color: #999; font-size: 13px; margin-left: auto; }
.bar button { font: inherit; color: inherit; background: #2a2a2a; border: 0; border-radius: 6px; padding: 4px 12px; margin-right: 4px; cursor: pointer; }
.bar button[aria-pressed=true] { background: #eee; color: #111; }
.stage { flex: 1; min-height: 0; overflow: auto; display: grid; }
.stage img { place-self: safe center; width: 100%; height: 100%; min-height: 0; object-fit: contain; cursor: zoom-in; position: relative; }
.stage.close img { width: auto; height: auto; cursor: zoom-out; image-rendering: pixelated; zoom: 4; }
@media (max-width: 1100px) { main, header { padding: 0 12px; } section { overflow-x: auto; } .summary .chart, .bar .hint { display: none; } header { padding-top: 20px; padding-bottom: 14px; } }
`;

export const SCRIPT = `
const body = document.querySelector("#pairs tbody");
const rows = () => [...body.rows].filter((row) => !row.hidden);

for (const button of document.querySelectorAll("th button")) {
  const head = button.parentElement;
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of document.querySelectorAll("#pairs th[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => row.cells[head.cellIndex].dataset.value ?? "";
    const order = button.dataset.sort === "text"
      ? (a, b) => value(a).localeCompare(value(b))
      : (a, b) => Number(value(a)) - Number(value(b));
    body.append(...[...body.rows].sort((a, b) => (down ? order(b, a) : order(a, b))));
  });
}

document.querySelector("#filter").addEventListener("input", ({ target }) => {
  const words = target.value.toLowerCase().split(/\\s+/);
  for (const row of body.rows) {
    const title = row.dataset.title.toLowerCase();
    row.hidden = !words.every((word) => title.includes(word));
  }
});

const viewer = document.querySelector("#viewer");
const image = document.querySelector("#viewer-image");
const stage = viewer.querySelector(".stage");
const views = ["content", "result", "style"];
let row, view;

function show(nextRow, nextView) {
  [row, view] = [nextRow, nextView];
  image.src = row.querySelector("a[data-view=" + view + "]").href;
  document.querySelector("#viewer-title").textContent = row.dataset.title;
  for (const button of viewer.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", button.dataset.view === view);
}

body.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-view]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  stage.classList.remove("close");
  show(link.closest("tr"), link.dataset.view);
  viewer.showModal();
});
for (const button of viewer.querySelectorAll("[data-view]")) button.addEventListener("click", () => show(row, button.dataset.view));
document.querySelector("#viewer-close").addEventListener("click", () => viewer.close());
image.addEventListener("click", (event) => {
  const [x, y] = [event.offsetX / image.offsetWidth, event.offsetY / image.offsetHeight];
  stage.classList.toggle("close");
  stage.scrollTo(x * stage.scrollWidth - stage.clientWidth / 2, y * stage.scrollHeight - stage.clientHeight / 2);
});
viewer.addEventListener("keydown", (event) => {
  const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (across) show(row, views[(views.indexOf(view) + across + 3) % 3]);
  if (down) show(rows()[Math.min(rows().length - 1, Math.max(0, rows().indexOf(row) + down))] ?? row, view);
  if (across || down) event.preventDefault();
});
`;
