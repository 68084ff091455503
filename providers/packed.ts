/**
 * Inputs that go through the engine as one: each group of them is one property, a text of JSON. The engine, the SDK and the
 * state handle every property by itself, at any depth, several times for every step: 250 resources that do nothing take a
 * third longer with a clone's properties than with the same bytes in a few texts (see docs/performance.md). The CLI shows a
 * change within such a text as it shows one of an object.
 */

/** The groups by their names, each with the inputs that it holds. */
export type Packs = Readonly<Record<string, readonly string[]>>;

type Bag = Record<string, unknown>;

/** The SDK's stand-in for a value that is not known yet, in check and diff (pulumi/sdk, runtime/rpc). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/**
 * Takes the members of each group out of a bag.
 *
 * @param text makes one property of a group's members, which come in the order in which the group names them; left out, JSON
 *   in which a digest that names a folder too stands once
 * @returns the bag with the groups in place of their members; a group without any is left out
 */
export function pack(packs: Packs, bag: Bag, text: (members: Bag) => unknown = textOf): Bag {
  const packed = { ...bag };
  for (const [group, keys] of Object.entries(packs)) {
    const members = keys.filter((key) => bag[key] !== undefined).map((key) => [key, bag[key]] as const);
    for (const key of keys) Reflect.deleteProperty(packed, key);
    if (members.length > 0) packed[group] = text(Object.fromEntries(members));
  }
  return packed;
}

/**
 * The inverse of {@link pack}. What is not packed stays as it is: a state of before may have it so, and a test. Of a group
 * that is not known yet no member is.
 */
export function unpack(packs: Packs, bag: Bag): Bag {
  const rest = { ...bag };
  const members: Bag = {};
  for (const [group, keys] of Object.entries(packs)) {
    const text = rest[group];
    if (typeof text !== "string") continue;
    Reflect.deleteProperty(rest, group);
    Object.assign(members, text === UNKNOWN ? Object.fromEntries(keys.map((key) => [key, UNKNOWN])) : parsed(text));
  }
  return { ...members, ...rest };
}

/** True where a group of a bag is not known yet. */
export function hasUnknownPack(packs: Packs, bag: Bag): boolean {
  return Object.keys(packs).some((group) => bag[group] === UNKNOWN);
}

/** The first digest of a text, where it stands again as a path's part: `{digest}`, as no writer of JSON would spell it. */
const AGAIN = "/\\u007bdigest}";
const digestIn = (text: string): string | undefined => /"sha256:([0-9a-f]{64})"/.exec(text)?.[1];

function textOf(members: Bag): string {
  const text = JSON.stringify(members);
  const digest = digestIn(text);
  return digest === undefined ? text : text.replaceAll(`/${digest}`, AGAIN);
}

/** What is no object is taken for an empty one: what is missing then is said by whoever looks for it. */
function parsed(text: string): object {
  try {
    const digest = digestIn(text);
    const value: unknown = JSON.parse(digest === undefined ? text : text.replaceAll(AGAIN, `/${digest}`));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
