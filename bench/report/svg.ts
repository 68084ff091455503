/** One bar: its label, its value, and its side. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly told: string;
  readonly own: boolean;
}

/** One line of a chart over numbers of clones. */
export interface Line {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly own: boolean;
  readonly dashed: boolean;
}

const WIDTH = 720;
const OWN = "#c2571a";
const OTHER = "#8a94a3";

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function text(x: number, y: number, words: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escape(words)}</text>`;
}

function drawing(title: string, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`,
    `  font-family="system-ui, sans-serif" font-size="13" fill="#222" role="img" aria-label="${escape(title)}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(16, 26, title, 'font-weight="600" font-size="15"'),
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** Horizontal bars from zero on a common scale. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const [left, room, step] = [230, WIDTH - 230 - 90, 26];
  const parts = bars.flatMap(({ label, value, told, own }, at) => {
    const y = 46 + at * step;
    const width = Math.max(1, (value / most) * room);
    return [
      text(left - 10, y + 14, label, 'text-anchor="end"'),
      `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="${step - 6}" fill="${own ? OWN : OTHER}"/>`,
      text(left + width + 8, y + 14, told),
    ];
  });
  return drawing(title, 56 + bars.length * step, parts);
}

/** The place of each line's label: at its end, or below the label above if there is no room. */
function labelHeights(ends: readonly (readonly [label: string, y: number])[]): Map<string, number> {
  const heights = new Map<string, number>();
  let free = -Infinity;
  for (const [label, end] of [...ends].sort(([, one], [, other]) => one - other)) {
    const height = Math.max(end, free);
    heights.set(label, height);
    free = height + 16;
  }
  return heights;
}

/** Lines from zero on linear scales: a constant cost for each clone is a straight line. */
export function lineChart(title: string, lines: readonly Line[], unit: { x: string; y: string }): string {
  const points = lines.flatMap((line) => line.points);
  const [mostX, mostY] = [Math.max(...points.map(([x]) => x)), Math.max(...points.map(([, y]) => y))];
  const area = { left: 60, top: 46, width: WIDTH - 60 - 150, height: 260 };
  const x = (value: number): number => area.left + (value / mostX) * area.width;
  const y = (value: number): number => area.top + area.height - (value / mostY) * area.height;
  const bottom = area.top + area.height;
  const counts = [...new Set(points.map(([count]) => count))];
  const axes = [
    `<path d="M${area.left} ${area.top}V${bottom}H${area.left + area.width}" fill="none" stroke="#444"/>`,
    ...counts.map((count) => text(x(count), bottom + 18, String(count), 'text-anchor="middle"')),
    text(area.left + area.width, bottom + 36, unit.x, 'text-anchor="end"'),
    ...[0, 0.5, 1].map((share) =>
      text(area.left - 8, y(mostY * share) + 4, (mostY * share).toFixed(mostY < 10 ? 1 : 0), 'text-anchor="end"'),
    ),
    text(16, area.top - 6, unit.y),
  ];
  const heights = labelHeights(lines.map(({ label, points: own }) => [label, y(own.at(-1)?.[1] ?? 0) + 4]));
  const drawn = lines.flatMap(({ label, points: own, own: ours, dashed }) => {
    const path = own.map(([px, py], at) => `${at === 0 ? "M" : "L"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("");
    const [lastX = 0] = own.at(-1) ?? [];
    const color = ours ? OWN : OTHER;
    return [
      `<path d="${path}" fill="none" stroke="${color}" stroke-width="2.5"${dashed ? ' stroke-dasharray="6 4"' : ""}/>`,
      ...own.map(([px, py]) => `<circle cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="3.5" fill="${color}"/>`),
      text(x(lastX) + 10, heights.get(label) ?? 0, label, `fill="${color}"`),
    ];
  });
  return drawing(title, bottom + 50, [...axes, ...drawn]);
}
