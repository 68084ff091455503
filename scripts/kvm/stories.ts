import { readdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import { checkout } from "../../operator/localPaths";

/** Stories that need a special VMM or guest, which a real Firecracker cannot show. */
const STAND_IN_ONLY = new Set(["hundreds", "slow"]);

/** Tests of providers that show on the VMM itself, without a guest that boots, what it does with other people's snapshots. */
const OF_THE_VMM: readonly (readonly [name: string, file: string])[] = [
  ["shapes", "providers/artifact/shapes.test.ts"],
  ["devices", "providers/artifact/devices.test.ts"],
];

/** The stories by name, the main one first. The name is that of the file in test/e2e. */
export function stories(): ReadonlyMap<string, string> {
  const folder = resolve(checkout, "test/e2e");
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => basename(file, ".test.ts"))
    .filter((name) => !STAND_IN_ONLY.has(name));
  names.sort((one, other) => Number(other === "story") - Number(one === "story") || one.localeCompare(other));
  return new Map([
    ...names.map((name) => [name, resolve(folder, `${name}.test.ts`)] as const),
    ...OF_THE_VMM.map(([name, file]) => [name, resolve(checkout, file)] as const),
  ]);
}

/** The story that needs a second, newer Firecracker. */
const OF_TWO = "upgrade";

/**
 * The stories that a person names, all of them where none is named.
 *
 * @param two whether there is a newer Firecracker to upgrade to; without one that story is left out
 * @throws Error for a name that there is not, and for a story that cannot run
 */
export function chosen(
  wanted: readonly string[],
  { two = false } = {},
): readonly (readonly [name: string, file: string])[] {
  const known = stories();
  if (!two && wanted.includes(OF_TWO)) throw new Error(`the story "${OF_TWO}" needs --next PATH, a newer Firecracker.`);
  const unknown = wanted.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new Error(`there is no story "${unknown}". The stories: ${[...known.keys()].join(", ")}.`);
  }
  return [...known].filter(([name]) => (wanted.length === 0 ? two || name !== OF_TWO : wanted.includes(name)));
}
