/**
 * The report as one page to look at: a summary, and a table of all pairs with their pictures. It
 * asks nothing of any server.
 */
import { METRICS, type Metrics, type Summary } from "#train";
import { METRIC_LABELS, ROW_LABELS, short } from "./labels.ts";
import { SCRIPT, STYLE } from "./pageAssets.ts";
import type { PairReport, Report } from "./report.ts";

type Column = keyof Metrics | "seconds";

/** The HTML of a report, which stands beside its folder of pictures. */
export function page(report: Report): string {
  const { pairs, failures, model, results } = report;
  const made = new Date(report.made).toISOString().slice(0, 16).replace("T", " ");
  const columns: Column[] = report.summary.seconds === null ? [...METRICS] : [...METRICS, "seconds"];
  const facts: [string, string][] = [
    model === null ? ["results", results ?? ""] : ["model", model],
    ["measured by", report.lossNetwork],
    ["contents", report.content],
    ["styles", report.style],
    ["longer side", `${report.size} pixels`],
    ["device", report.device],
    ["made", `${made} UTC`],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${pairs.length} pairs by ${escaped(model ?? results ?? "")}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${pairs.length} ${pairs.length === 1 ? "pair" : "pairs"} by <em>${escaped(model ?? results ?? "")}</em></h1>
<dl>${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escaped(value)}</dd></div>`).join("")}</dl>
</header>
<main>
${summaryTable(report, columns)}
${failures.length === 0 ? "" : failureList(report)}
${pairTable(pairs, columns)}
</main>
<dialog id="viewer" aria-label="Picture">
<div class="bar"><strong id="viewer-title"></strong><span class="views">${["content", "result", "style"]
    .map((view) => `<button type="button" data-view="${view}">${view}</button>`)
    .join("")}</span><span class="hint">← → picture, ↑ ↓ pair, click for its pixels</span>
<button type="button" id="viewer-close" aria-label="Close">✕</button></div>
<div class="stage"><img id="viewer-image" alt=""></div>
</dialog>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function summaryTable({ pairs, summary }: Report, columns: readonly Column[]): string {
  const rows = columns.map((column) => {
    const { name, meaning, better } = METRIC_LABELS[column];
    const own = column === "seconds" ? summary.seconds : summary.result[column];
    if (own === null) return "";
    const anchors = column === "seconds" ? [] : [summary.identity[column], summary.styleCopy[column]];
    const cells = [0, 1].map((at) => `<td class="anchor">${anchors[at] ? short(anchors[at].median) : ""}</td>`);
    return `<tr><th scope="row">${name} ${arrow(column)}<small>${meaning} ${better === "low" ? "Lower" : "Higher"} is better.</small></th>
<td class="median">${short(own.median)}</td><td>${short(own.mean)}</td><td>${short(own.lowerQuartile)} – ${short(own.upperQuartile)}</td>
${cells.join("")}<td class="chart">${strip(pairs, column, own, anchors)}</td></tr>`;
  });
  return `<section class="summary"><table>
<thead><tr><th></th><th>median</th><th>mean</th><th>quartiles</th><th><i class="mark identity"></i> ${ROW_LABELS.identity}</th>
<th><i class="mark copy"></i> ${ROW_LABELS.styleCopy}</th><th class="chart"><i class="mark dot"></i> each pair</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table>
<p>Beside the results, two that need no painting: the content as it is, and the style stretched to the content's size (medians). A
good result comes near the content in the content's metrics and near the style in the style's, both at once.</p></section>`;
}

/** All results of a column as dots on a line, with their quartiles and the anchors' medians. */
function strip(pairs: readonly PairReport[], column: Column, own: Summary, anchors: readonly Summary[]): string {
  const least = Math.min(own.least, ...anchors.map(({ median }) => median));
  const most = Math.max(own.most, ...anchors.map(({ median }) => median));
  const at = (value: number) => `${(2 + (96 * (value - least)) / (most - least || 1)).toFixed(2)}%`;
  const dots = pairs.map((pair) => {
    const value = valueIn(pair, column) ?? 0;
    return `<i class="dot" style="left:${at(value)}" title="${escaped(`${pair.content} in ${pair.style}: ${short(value)}`)}"></i>`;
  });
  const marks = anchors.map(
    ({ median }, index) => `<i class="mark ${index === 0 ? "identity" : "copy"}" style="left:${at(median)}"></i>`,
  );
  const box = `<i class="box" style="left:${at(own.lowerQuartile)};right:calc(100% - ${at(own.upperQuartile)})"></i>`;
  return `<div class="strip">${box}${dots.join("")}<i class="middle" style="left:${at(own.median)}"></i>${marks.join("")}</div>`;
}

function failureList({ failures }: Report): string {
  const items = failures.map(
    ({ content, style, error }) => `<li><b>${escaped(content)} in ${escaped(style)}</b> ${escaped(error)}</li>`,
  );
  return `<details class="failures" open><summary>${failures.length} left out</summary><ul>${items.join("")}</ul></details>`;
}

function pairTable(pairs: readonly PairReport[], columns: readonly Column[]): string {
  const heads = columns.map(
    (column) =>
      `<th><button type="button" data-sort="number" title="${METRIC_LABELS[column].meaning}">${METRIC_LABELS[column].name} ${arrow(column)}</button></th>`,
  );
  const ranks = new Map(columns.map((column) => [column, ranksOf(pairs, column)]));
  const rows = pairs.map((pair, index) => {
    const picture = (role: "content" | "style" | "result", alt: string) =>
      `<a class="${role}" data-view="${role}" href="${address(pair.pictures[role])}"><img loading="lazy" src="${address(pair.pictures[role])}" alt="${escaped(alt)}"></a>`;
    const cells = columns.map((column) => cell(pair, column, ranks.get(column)?.[index] ?? 0));
    return `<tr data-title="${escaped(`${pair.content} in ${pair.style}`)}"><td class="pictures"><div>
${picture("content", pair.content)}${picture("style", pair.style)}${picture("result", `${pair.content} in ${pair.style}`)}</div></td>
<td class="name" data-value="${escaped(`${pair.content} ${pair.style}`)}"><b>${breakable(pair.content)}</b><span>${breakable(pair.style)}</span><small>${pair.width} × ${pair.height}</small></td>
<td class="rows"><b>${ROW_LABELS.result}</b><span>${ROW_LABELS.identity}</span><span>${ROW_LABELS.styleCopy}</span></td>
${cells.join("")}</tr>`;
  });
  return `<section class="pairs"><div class="tools"><h2>Pairs</h2><input type="search" id="filter" placeholder="filter by name" aria-label="Filter by name"></div>
<table id="pairs"><thead><tr><th>content, style, result</th><th><button type="button" data-sort="text">Names</button></th><th></th>${heads.join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></section>`;
}

function cell(pair: PairReport, column: Column, rank: number): string {
  const value = valueIn(pair, column);
  if (value === undefined) return "<td></td>";
  const anchors =
    column === "seconds"
      ? "<span>&nbsp;</span><span>&nbsp;</span>"
      : `<span>${short(pair.identity[column])}</span><span>${short(pair.styleCopy[column])}</span>`;
  return `<td class="value" data-value="${value}" style="--rank:${rank.toFixed(2)}"><b>${short(value)}</b>${anchors}</td>`;
}

function valueIn(pair: PairReport, column: Column): number | undefined {
  return column === "seconds" ? (pair.seconds ?? undefined) : pair.result[column];
}

/** Where each pair stands in a column, from 0 for the best to 1 for the worst. */
function ranksOf(pairs: readonly PairReport[], column: Column): number[] {
  const sign = METRIC_LABELS[column].better === "low" ? 1 : -1;
  const values = pairs.map((pair) => sign * (valueIn(pair, column) ?? 0));
  const sorted = [...values].sort((a, b) => a - b);
  return values.map((value) => sorted.indexOf(value) / Math.max(1, pairs.length - 1));
}

function arrow(column: Column): string {
  const { better } = METRIC_LABELS[column];
  return `<span class="arrow" title="${better === "low" ? "lower" : "higher"} is better">${better === "low" ? "↓" : "↑"}</span>`;
}

function address(path: string): string {
  return escaped(path.split("/").map(encodeURIComponent).join("/"));
}

/** A name that may go on in the next line after its hyphens and underscores. */
function breakable(name: string): string {
  return escaped(name).replaceAll(/[-_]/g, "$&<wbr>");
}

function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
