import { isDeepStrictEqual } from "node:util";

type Mapping = Readonly<Record<string, unknown>>;

/** An encrypted value is one thing, though YAML has it as a mapping. */
function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("secure" in value);
}

/**
 * Brings a copy of a file up to date with the file, key by key: what changed in the file since it was copied wins,
 * everything else stays as it is in the copy. So a value, or a secret, that was set in the copy survives, also inside a
 * mapping of which another key changed.
 *
 * @param base the file as it was when the copy was last brought up to date
 * @param file the file as it is now
 * @param copy the copy with what was set in it since
 */
export function mergeCopy(base: unknown, file: unknown, copy: unknown): unknown {
  if (isMapping(copy) && (isMapping(file) || (file === undefined && isMapping(base)))) {
    const merged = mergeMappings(isMapping(base) ? base : {}, isMapping(file) ? file : {}, copy);
    return file === undefined && Object.keys(merged).length === 0 ? undefined : merged;
  }
  return isDeepStrictEqual(base, file) ? copy : file;
}

function mergeMappings(base: Mapping, file: Mapping, copy: Mapping): Mapping {
  const keys = [...new Set([...Object.keys(file), ...Object.keys(copy)])];
  const entries = keys.map((key): [string, unknown] => [key, mergeCopy(base[key], file[key], copy[key])]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
