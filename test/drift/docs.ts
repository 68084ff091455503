import type { Drift } from "./kind";

/** The rows of docs/drift.md for kinds of drift: how it is called, what a preview says, what becomes of the guest. */
export function driftRows(drifts: readonly Drift[]): string[] {
  return drifts.map((drift) => `| ${drift.kind} | ${said(drift)} | ${guest(drift)} |`);
}

function said({ says }: Drift): string {
  return Object.entries(says)
    .map(([resource, words]) => `${resource}: ${words.replaceAll("|", "\\|")}`)
    .join("<br>");
}

function guest({ restarts, everyClone, losesDisk }: Drift): string {
  if (restarts !== true) return "lives on";
  return [`${everyClone === true ? "all start" : "starts"} again`, losesDisk === true ? "new disk" : "same disk"].join(
    ", ",
  );
}
