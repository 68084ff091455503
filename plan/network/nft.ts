import { createHash } from "node:crypto";
import type { ObservedTable } from "../../model/observed";

/** One rule: its label, which is its comment in the kernel, and its text in nft's language. */
export interface NftRule {
  /** Unique in its table: "DNAT", "anti-spoof". */
  readonly label: string;
  readonly text: string;
}

/** One base chain and its rules. */
export interface NftChain {
  readonly name: string;
  /** `type nat hook prerouting priority dstnat; policy accept;` */
  readonly base: string;
  readonly rules: readonly NftRule[];
}

/** One table of the family ip. */
export interface NftTable {
  readonly name: string;
  readonly owner: string;
  readonly chains: readonly NftChain[];
}

/**
 * The table as one nft transaction that replaces the table of that name: the kernel applies all of it or nothing, and tracked
 * connections go on. `add` before `delete` lets the delete succeed where there is no table.
 */
export function renderTable({ name, owner, chains }: NftTable): string {
  const body = chains.map(({ name: chain, base, rules }) => {
    const lines = rules.map(({ label, text }) => `    ${text} comment "${label}"\n`).join("");
    return `  chain ${chain} {\n    ${base}\n${lines}  }\n`;
  });
  return `add table ip ${name}\ndelete table ip ${name}\ntable ip ${name} {\n  comment "${owner}"\n${body.join("")}}\n`;
}

/**
 * A table's content as strings for the state: chains and rules in order, each with its name and the first 64 bits of its
 * digest. Hornet compares later listings with the kernel's listing right after it wrote the table, so it does not matter how
 * a version of nft prints a rule.
 */
export function fingerprint(table: ObservedTable): string[] {
  return [
    ...table.chains.map((chain) => entryOf(`chain ${chain.split(" ")[0] ?? ""}`, chain)),
    ...table.rules.map(({ comment, text }) => entryOf(`rule ${comment === "" ? "without a name" : comment}`, text)),
  ];
}

function entryOf(head: string, text: string): string {
  return `${head}: ${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
}

function headOf(entry: string): string {
  return entry.slice(0, entry.lastIndexOf(": "));
}

/**
 * How a table differs from what Hornet wrote, as messages for the user.
 *
 * @param recorded the fingerprint taken when the table was written
 * @param observed the table as it is now; undefined where it is gone
 */
export function tableDrift(name: string, recorded: readonly string[], observed: ObservedTable | undefined): string[] {
  if (observed === undefined) return [`nft table ${name} missing`];
  const now = fingerprint(observed);
  const label = (entry: string): string => `nft ${headOf(entry)}`;
  const known = new Set(recorded.map(headOf));
  const present = new Set(now.map(headOf));
  const drift = [
    ...recorded.filter((entry) => !present.has(headOf(entry))).map((entry) => `${label(entry)} missing`),
    ...now.filter((entry) => !known.has(headOf(entry))).map((entry) => `${label(entry)} is not Hornet's`),
    ...now
      .filter((entry) => known.has(headOf(entry)) && !recorded.includes(entry))
      .map((entry) => `${label(entry)} changed`),
  ];
  if (drift.length > 0) return drift;
  if (now.length !== recorded.length) return [`nft table ${name} contains a rule twice`];
  return now.some((entry, at) => entry !== recorded[at]) ? [`nft rules of ${name} are in another order`] : [];
}

/**
 * The labels of rules that the recorded table lacks, because an earlier Hornet wrote it.
 *
 * @param recorded see {@link tableDrift}
 */
export function newRules({ chains }: NftTable, recorded: readonly string[]): string[] {
  const known = new Set(recorded.map(headOf));
  return chains.flatMap(({ rules }) => rules.map(({ label }) => label)).filter((label) => !known.has(`rule ${label}`));
}
