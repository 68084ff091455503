import type { Drift } from "./kind";

/** The rows of docs/drift.md: the kind, its message, and what happens to the VMM of vm0. */
export function driftRows(drifts: readonly Drift[]): string[] {
  return drifts.map((drift) => `| ${drift.kind} | ${said(drift)} | ${vmm(drift)} |`);
}

function said({ says }: Drift): string {
  return Object.entries(says)
    .map(([resource, words]) => `_${resource}_: ${words}`)
    .join("<br>");
}

function vmm({ restarts, losesDisk }: Drift): string {
  if (restarts !== true) return "lives on";
  return losesDisk === true ? "restarted, on a new disk" : "restarted, on its disk";
}
