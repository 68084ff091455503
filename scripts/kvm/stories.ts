import { readdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import { checkout } from "../../operator/localPaths";

/** Stories that need a special VMM or guest and cannot run with a real Firecracker. */
const STAND_IN_ONLY = new Set(["hundreds", "slow"]);

/** Provider tests that show, without booting a guest, what the VMM does with foreign snapshots. */
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
 * The named stories, or all.
 *
 * @param two whether there is a newer Firecracker to upgrade to; all leaves the upgrade out without one
 * @throws Error for an unknown name, and for a story that cannot run
 */
export function chosen(
  named: readonly string[],
  { two = false } = {},
): readonly (readonly [name: string, file: string])[] {
  const known = stories();
  if (!two && named.includes(OF_TWO)) throw new Error(`the story "${OF_TWO}" needs --next PATH, a newer Firecracker.`);
  const unknown = named.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new Error(`there is no story "${unknown}". The stories: ${[...known.keys()].join(", ")}.`);
  }
  return [...known].filter(([name]) => (named.length === 0 ? two || name !== OF_TWO : named.includes(name)));
}
