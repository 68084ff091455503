import { isMap, parseDocument } from "yaml";

const KEY = "hornet:snapshot";

/** The digest that a stack's config file pins; undefined where it pins none. */
export function pinnedDigest(text: string): string | undefined {
  const pinned: unknown = parseDocument(text).getIn(["config", KEY, "digest"]);
  return typeof pinned === "string" ? pinned : undefined;
}

/**
 * Pins a snapshot in a stack's config file. Comments and the order of keys stay.
 *
 * @param from the stack that the snapshot comes from; it is put in where the file names no such source yet
 * @throws where the file's `hornet:snapshot` is no mapping, or boots its own snapshot
 */
export function pin(text: string, digest: string, from: string): string {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) throw new Error(`it is not YAML: ${problem.message}`);
  const snapshot = document.getIn(["config", KEY]) ?? document.createNode({});
  if (!isMap(snapshot)) throw new Error(`${KEY} is not a mapping`);
  if (snapshot.has("boot")) throw new Error(`${KEY} boots a snapshot of its own; take boot out of it first`);
  if (!snapshot.has("from")) {
    snapshot.delete("path");
    snapshot.set("from", document.createNode({ stack: from }, { flow: true }));
  }
  snapshot.set("digest", digest);
  document.setIn(["config", KEY], snapshot);
  return document.toString({ lineWidth: 0 });
}
