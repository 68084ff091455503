import { isDeepStrictEqual } from "node:util";

type Mapping = Readonly<Record<string, unknown>>;

/** Whether a value is a mapping. An encrypted value is none, though YAML stores it as one. */
function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("secure" in value);
}

/**
 * Merges the changes of a file into its copy, key by key: a key that changed in the file since the last merge wins, all other
 * keys stay as in the copy. So a value or secret that was set in the copy survives, also beside a key that changed.
 *
 * @param base the file at the last merge
 * @param file the file now
 * @param copy the copy with the values that were set since
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
