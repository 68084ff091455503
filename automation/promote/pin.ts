import { isMap, isScalar, parseDocument, type Scalar, type YAMLMap } from "yaml";

const KEY = "hornet:snapshot";

/** The digest in a stack's config file; undefined without one. */
export function pinnedDigest(text: string): string | undefined {
  const pinned: unknown = parseDocument(text).getIn(["config", KEY, "digest"]);
  return typeof pinned === "string" ? pinned : undefined;
}

/**
 * Pins a snapshot in a stack's config file. An existing digest changes in place; a new one keeps comments and the order of
 * keys.
 *
 * @param from the stack that the snapshot comes from; inserted where the file names no stack yet
 * @throws where the file's `hornet:snapshot` is no mapping, or boots a snapshot
 */
export function pin(text: string, digest: string, from: string): string {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) throw new Error(`it is not YAML: ${problem.message}`);
  const snapshot = document.getIn(["config", KEY]) ?? document.createNode({});
  if (!isMap(snapshot)) throw new Error(`${KEY} is not a mapping`);
  if (snapshot.has("boot")) throw new Error(`${KEY} boots its own snapshot; remove boot first`);
  const spot = spotOf(text, snapshot);
  if (spot !== undefined) return text.slice(0, spot.begin) + spot.before + digest + text.slice(spot.end);
  if (!snapshot.has("from")) {
    snapshot.delete("path");
    snapshot.set("from", document.createNode({ stack: from }, { flow: true }));
  }
  snapshot.set("digest", digest);
  document.setIn(["config", KEY], snapshot);
  const [, indent = "  "] = /^( +)\S/m.exec(text) ?? [];
  return document.toString({ lineWidth: 0, indent: indent.length });
}

/** The position for a digest in the text of a mapping with `from`; undefined for an unusual layout. */
function spotOf(text: string, snapshot: YAMLMap): { begin: number; end: number; before: string } | undefined {
  const pinned = snapshot.get("digest", true);
  const source = snapshot.items.find(({ key }) => isScalar(key) && key.value === "from");
  if (source === undefined) return undefined;
  if (isScalar(pinned) && pinned.range) {
    const [begin, end] = pinned.range;
    const quote = /^["']/.test(text.slice(begin, end)) ? 1 : 0;
    return { begin: begin + quote, end: end - quote, before: "" };
  }
  const [key, value] = [source.key as Scalar, source.value];
  if (pinned !== undefined || !isMap(value) || value.flow !== true || !value.range || !key.range) return undefined;
  const end = value.range[1];
  if (snapshot.flow === true) return { begin: end, end, before: ", digest: " };
  // Behind a comment on the line of `from`.
  const line = /\r?$/m.exec(text.slice(end))?.index ?? 0;
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const column = key.range[0] - text.lastIndexOf("\n", key.range[0] - 1) - 1;
  return { begin: end + line, end: end + line, before: `${newline}${" ".repeat(column)}digest: ` };
}
