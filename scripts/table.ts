/** The last lines of `npm run up`. */
import { printable } from "../host/printable";
import type { Changes, CloneRow } from "./result";

const operations: Readonly<Record<string, string>> = {
  create: "created",
  update: "updated",
  delete: "deleted",
  replace: "replaced",
  "create-replacement": "created as replacements",
  "delete-replaced": "deleted after their replacement",
};

/** One line about the changed resources. */
export function changeLine(changes: Changes): string {
  const done = Object.entries(changes).flatMap(([kind, count]) => {
    const word = operations[kind];
    return word === undefined || count === 0 ? [] : [`${count} ${word}`];
  });
  return done.length === 0 ? "Nothing to change: the droplet is as declared." : `Resources: ${done.join(", ")}.`;
}

/** A table of the clones: name, address, the ssh command. */
export function cloneTable(clones: readonly CloneRow[]): string {
  const rows = [
    ["CLONE", "ADDRESS", "READY", "DISK", "HOW TO GET IN"],
    ...clones.map(({ name, address, ready, disk = "" }) => [
      name,
      address,
      ready ? "yes" : "not waited for",
      disk,
      `npm run ssh -- ${name}`,
    ]),
    ["droplet", "", "", "", "npm run ssh -- droplet"],
  ];
  return `${columns(rows)}\n`;
}

/** Rows of text in columns, the first of them the titles. */
export function columns(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_title, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]): string => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}
