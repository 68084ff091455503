/** The known name that a mistyped one is nearest to. */

/** How many letters must be put in, taken out, changed or swapped with their neighbour to get from one word to the other. */
export function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row++) {
    const line = [row];
    for (let column = 1; column <= to.length; column++) {
      const differs = from[row - 1] === to[column - 1] ? 0 : 1;
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      line.push(
        Math.min(
          at(rows, row - 1, column) + 1,
          (line[column - 1] ?? Infinity) + 1,
          at(rows, row - 1, column - 1) + differs,
          swapped ? at(rows, row - 2, column - 2) + 1 : Infinity,
        ),
      );
    }
    rows.push(line);
  }
  return at(rows, from.length, to.length);
}

function at(rows: readonly (readonly number[])[], row: number, column: number): number {
  return rows[row]?.[column] ?? Infinity;
}

/** The nearest of the known names, or undefined where none is alike: more than half of the letters would change. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({ candidate, share: differingShare(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.share - b.share);
  return best && best.share <= 0.5 ? best.candidate : undefined;
}

/** Relative to the length: else short names would be near to everything. */
function differingShare(from: string, to: string): number {
  return editDistance(from, to) / Math.max(from.length, to.length);
}
