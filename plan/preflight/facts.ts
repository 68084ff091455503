/** What a droplet said of itself: the lines of the library's `preflight_facts`. */
export type DropletFacts = ReadonlyMap<string, string>;

/** A number that was read; what could not be read limits nothing. */
export function amount(facts: DropletFacts, key: string): number {
  const text = facts.get(key) ?? "";
  return text === "" ? Infinity : Number(text);
}

/** KiB of a file's content that a copy without its zeros takes, by its `file.` fact; 0 where it is not there. */
export function contentKib(facts: DropletFacts, path: string): number {
  const [size = 0, blocks = 0, unit = 0] = (facts.get(`file.${path}`) ?? "").split(" ").map(Number);
  return Math.ceil(Math.min(size, blocks * unit) / 1024);
}

/** Where a judge says what it found. */
export interface Say {
  readonly fault: (text: string) => void;
  readonly warn: (text: string) => void;
}

/** The values of the keys `KIND.1`, `KIND.2` and so on. */
export function listOf(facts: DropletFacts, kind: string): string[] {
  return [...facts].filter(([key]) => key.startsWith(`${kind}.`)).map(([, value]) => value);
}
