/**
 * The only border between text from droplets, guests and other operators and the operator's terminal. Escapes all that a
 * terminal, a log or a reader could take for something else: control characters (C0 with ESC, BEL, BS and CR,
 * DEL, C1 with U+009B), directions of writing (bidi overrides and isolates), characters without a glyph (zero-width,
 * tags, variation selectors), separators of lines and paragraphs, lone surrogates, and what Unicode has not assigned.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Characters of one line that are shown. */
const LINE_LIMIT = 4000;
/** Characters of a text that are shown. */
const TEXT_LIMIT = 100_000;
/** Follows text that was cut. */
const CUT = " … (cut)";

/** Text of one line, with every invisible character escaped. Idempotent. */
export function printable(text: string): string {
  return cut(text.slice(0, LINE_LIMIT + CUT.length + 1).replace(UNPRINTABLE, escape), LINE_LIMIT);
}

/** The same for text of several lines: a line feed, alone or behind a carriage return, still begins a line. */
export function printableLines(text: string): string {
  return cut(text, TEXT_LIMIT)
    .split(/\r?\n/)
    .map((line) => printable(line.replaceAll("\t", "  ")))
    .join("\n");
}

/**
 * Foreign text for an error or a warning: every line is printable and follows a bar, so that it does not look like a line of
 * Hornet's.
 */
export function foreignText(text: string, indent = "    "): string {
  const lines = printableLines(text.trim()).split("\n");
  return lines.map((line) => `${indent}| ${line}`).join("\n");
}

/**
 * A value for a resource's outputs, which the engine prints and programs use. Every text in it keeps all its lines; other
 * invisible characters are escaped.
 */
export function printableValue<T>(value: T): T {
  if (typeof value === "string") {
    return value.replace(UNPRINTABLE, (character) => (character === "\n" ? character : escape(character))) as T;
  }
  if (Array.isArray(value)) return value.map(printableValue) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [printableValue(key), printableValue(inner)]),
  ) as T;
}

function cut(text: string, limit: number): string {
  if (text.length <= limit || (text.endsWith(CUT) && text.length <= limit + CUT.length)) return text;
  // Not between the two halves of a character.
  return `${text.slice(0, limit).replace(/[\ud800-\udbff]$/, "")}${CUT}`;
}

function escape(character: string): string {
  const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
