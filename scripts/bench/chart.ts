/** The table as a picture: one bar for each ratio, on a logarithmic scale, with the bound as a mark. No dependencies: it is text. */

/** One bar. */
export interface Bar {
  readonly label: string;
  readonly ratio: number;
  readonly bound: number;
  readonly better: "lower" | "higher";
}

const WIDTH = 860;
const LEFT = 370;
const RIGHT = 70;
const ROW = 22;
const TOP = 48;
const BOTTOM = 30;
/** Both ends of the scale. */
const [SMALLEST, LARGEST] = [1 / 16, 16];
const TICKS = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16];
const COLOUR = { met: "#2f855a", missed: "#c05621", bound: "#1a202c", axis: "#a0aec0", text: "#2d3748" };

function x(ratio: number): number {
  const clamped = Math.min(LARGEST, Math.max(SMALLEST, ratio));
  const share = Math.log(clamped / SMALLEST) / Math.log(LARGEST / SMALLEST);
  return LEFT + share * (WIDTH - LEFT - RIGHT);
}

export function isMet({ ratio, bound, better }: Pick<Bar, "ratio" | "bound" | "better">): boolean {
  return better === "lower" ? ratio <= bound : ratio >= bound;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function row(bar: Bar, index: number): string {
  const y = TOP + index * ROW;
  const [from, to] = [x(1), x(bar.ratio)].sort((one, other) => one - other) as [number, number];
  const colour = isMet(bar) ? COLOUR.met : COLOUR.missed;
  const mark = x(bar.bound).toFixed(1);
  return [
    `<text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${escape(bar.label)}</text>`,
    `<rect x="${from.toFixed(1)}" y="${y + 3}" width="${Math.max(1, to - from).toFixed(1)}" height="${ROW - 8}" fill="${colour}"/>`,
    `<line x1="${mark}" x2="${mark}" y1="${y}" y2="${y + ROW - 2}" stroke="${COLOUR.bound}" stroke-width="2"/>`,
    `<text x="${WIDTH - RIGHT + 8}" y="${y + 14}">${bar.ratio.toFixed(2)} ×</text>`,
  ].join("\n");
}

/** @param title what was compared, and where */
export function drawChart(title: string, bars: readonly Bar[]): string {
  const height = TOP + bars.length * ROW + BOTTOM;
  const ticks = TICKS.map((tick) => {
    const label = tick < 1 ? `1/${1 / tick}` : String(tick);
    const at = x(tick).toFixed(1);
    return [
      `<line x1="${at}" x2="${at}" y1="${TOP - 4}" y2="${height - BOTTOM}" stroke="${COLOUR.axis}" stroke-width="${tick === 1 ? 1.5 : 0.4}"/>`,
      `<text x="${at}" y="${height - BOTTOM + 16}" text-anchor="middle">${label}</text>`,
    ].join("\n");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="${COLOUR.text}">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="10" y="20" font-size="14" font-weight="bold">${escape(title)}</text>
<text x="10" y="36">ratio to the Go shim; black marks are what was aimed at</text>
${ticks.join("\n")}
${bars.map(row).join("\n")}
</svg>
`;
}
