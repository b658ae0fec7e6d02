/** A log-log chart of lines as SVG, readable on light and on dark pages. */

export interface Line {
  readonly name: string;
  /** Above 0, from the left to the right. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** What is written below the x axis, and where. */
  readonly xTicks: readonly (readonly [x: number, text: string])[];
  readonly lines: readonly Line[];
}

const [WIDTH, HEIGHT] = [800, 440];
/** Of the area that is drawn in; names of lines stand right of it. */
const AREA = { left: 76, right: 590, top: 52, bottom: 380 };
const MARKS = ["M-4-4h8v8h-8z", "M0-5l5 9h-10z", "M0-6l6 6-6 6-6-6z", "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z"];
/**
 * Colors that are told apart by color-blind readers too (Okabe and Ito), on light and on dark
 * ground.
 */
const COLORS = [
  ["#0072b2", "#56b4e9"],
  ["#c04f00", "#ff9d4d"],
  ["#00795a", "#2fd3a2"],
  ["#a3477f", "#e8a3cd"],
  ["#666666", "#b3b3b3"],
  ["#806600", "#e6c84d"],
] as const;

function styleSheet(): string {
  const colors = (shade: 0 | 1) => COLORS.map((pair, at) => `.c${at}{color:${pair[shade]}}`).join("");
  const ground = (back: string, text: string, grid: string) =>
    `.ground{fill:${back}}text{fill:${text}}.grid{stroke:${grid}}.axis{stroke:${text}}`;
  return (
    `text{font:13px system-ui,sans-serif}.title{font-size:15px;font-weight:600}.grid,.axis{fill:none}` +
    `.line{fill:none;stroke:currentColor;stroke-width:2}.mark{fill:currentColor}` +
    `${ground("#ffffff", "#222222", "#dddddd")}${colors(0)}` +
    `@media(prefers-color-scheme:dark){${ground("#16181d", "#e4e4e4", "#3a3d44")}${colors(1)}}`
  );
}

/**
 * Marks of a logarithmic axis: 1, 2 and 5 times every power of ten within and just around the
 * values.
 */
export function logTicks(values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++) {
    for (const factor of [1, 2, 5]) ticks.push(Number(`${factor}e${power}`));
  }
  const first = ticks.findLastIndex((tick) => tick <= least);
  const last = ticks.findIndex((tick) => tick >= most);
  return ticks.slice(first, Math.max(last, first + 1) + 1);
}

/** Where a value lies between two ends, on a logarithmic scale. */
function logScale([least, most]: readonly [number, number], [start, end]: readonly [number, number]) {
  return (value: number) => start + (Math.log(value / least) / Math.log(most / least)) * (end - start);
}

/** @throws Error where there is nothing to draw. */
export function drawChart({ title, xLabel, yLabel, xTicks, lines }: Chart): string {
  const points = lines.flatMap((line) => line.points);
  if (points.length === 0) throw new Error(`Expected points for the chart ${title} but received none.`);
  const yTicks = logTicks(points.map(([, y]) => y));
  const places = [...xTicks.map(([x]) => x), ...points.map(([x]) => x)];
  // Half an octave of room, so that a mark at the edge is seen whole.
  const x = logScale([Math.min(...places) / 1.4, Math.max(...places) * 1.4], [AREA.left, AREA.right]);
  const y = logScale([yTicks[0] ?? 1, yTicks.at(-1) ?? 10], [AREA.bottom, AREA.top]);
  // Of many powers of ten, only they themselves have room for their numbers.
  const isCrowded = yTicks.length > 10;
  const rows = yTicks.map((tick) => {
    const isNamed = !isCrowded || Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-9;
    const text = isNamed ? `<text x="${AREA.left - 8}" y="${place(y(tick) + 4)}" text-anchor="end">${tick}</text>` : "";
    return `<path class="grid" d="M${AREA.left} ${place(y(tick))}H${AREA.right}"/>${text}`;
  });
  const columns = xTicks.map(
    ([at, text]) =>
      `<path class="grid" d="M${place(x(at))} ${AREA.top}V${AREA.bottom}"/>` +
      `<text x="${place(x(at))}" y="${AREA.bottom + 18}" text-anchor="middle">${escaped(text)}</text>`,
  );
  const drawn = lines.map((line, index) => {
    const [mark, color] = [MARKS[index % MARKS.length], index % COLORS.length];
    const at = line.points.map(([px, py]) => [place(x(px)), place(y(py))] as const);
    const path = at.map(([px, py], turn) => `${turn === 0 ? "M" : "L"}${px} ${py}`).join("");
    const marks = at.map(([px, py]) => `<path class="mark" transform="translate(${px} ${py})" d="${mark}"/>`).join("");
    const row = AREA.top + 8 + index * 24;
    const key = `<path class="line" d="M${AREA.right + 16} ${row}h28"/><path class="mark" transform="translate(${AREA.right + 30} ${row})" d="${mark}"/>`;
    const name = `<text x="${AREA.right + 52}" y="${row + 4}">${escaped(line.name)}</text>`;
    return `<g class="c${color}"><path class="line" d="${path}"/>${marks}${key}${name}</g>`;
  });
  const middle = (AREA.left + AREA.right) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">`,
    `<style>${styleSheet()}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${HEIGHT}" rx="8"/>`,
    `<text class="title" x="${AREA.left}" y="30">${escaped(title)}</text>`,
    ...rows,
    ...columns,
    `<path class="axis" d="M${AREA.left} ${AREA.top}V${AREA.bottom}H${AREA.right}"/>`,
    `<text x="${middle}" y="${AREA.bottom + 44}" text-anchor="middle">${escaped(xLabel)}</text>`,
    `<text transform="translate(20 ${(AREA.top + AREA.bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

function place(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
