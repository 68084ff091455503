import { html, type Markup } from "./html";

const WIDTH = 640;
const HEIGHT = 120;
const BASE = 92;
const MOST_BARS = 16;

/** One bar: how many values are in [from, to). */
export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Sorts values into bars of equal width, whose bounds are round numbers. */
export function barsOf(values: readonly number[]): Bar[] {
  if (values.length === 0) return [];
  const most = Math.max(...values);
  const rough = Math.max(most, 1) / MOST_BARS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const width = power * ([1, 2, 5, 10].find((step) => step * power >= rough) ?? 10);
  const count = Math.floor(most / width) + 1;
  const bars = Array.from({ length: count }, (_, at) => ({ from: at * width, to: (at + 1) * width, count: 0 }));
  for (const value of values) {
    const bar = bars[Math.min(Math.floor(value / width), count - 1)];
    if (bar !== undefined) bar.count += 1;
  }
  return bars;
}

/** The clones by the seconds that they took until they were ready. */
export function histogram(ms: readonly number[]): Markup {
  const bars = barsOf(ms.map((one) => one / 1000));
  const highest = Math.max(1, ...bars.map(({ count }) => count));
  const step = WIDTH / Math.max(1, bars.length);
  const words = bars
    .filter(({ count }) => count > 0)
    .map(({ from, to, count }) => `${round(from)} to ${round(to)} s: ${count}`);
  const drawn = bars.map(({ from, count }, at) => {
    const height = (count / highest) * (BASE - 16);
    const x = at * step;
    return html`<rect x="${x + 1}" y="${BASE - height}" width="${Math.max(1, step - 2)}" height="${height}" /><text
        x="${x + step / 2}"
        y="${BASE - height - 4}"
        text-anchor="middle"
        >${count === 0 ? "" : count}</text
      ><text x="${x}" y="${BASE + 16}">${round(from)}</text>`;
  });
  return html`<svg
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    width="${WIDTH}"
    role="img"
    aria-label="Clones by seconds until ready. ${words.join("; ")}"
  >
    ${drawn}
    <text x="${WIDTH}" y="${BASE + 28}" text-anchor="end">seconds until ready</text>
  </svg>`;
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}
