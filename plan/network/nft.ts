import { createHash } from "node:crypto";
import type { ObservedTable } from "../../model/observed";

/** One rule: the words that name it (they stand in its comment), and its text in nft's language. */
export interface NftRule {
  /** What the rule is, unique in its table: "DNAT", "anti-spoof". */
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
 * The table as one nft transaction that replaces what was there under its name: the kernel takes all of it or nothing,
 * and connections that are tracked already go on. `add` before `delete` makes the delete succeed on what is not there.
 */
export function renderTable({ name, owner, chains }: NftTable): string {
  const body = chains.map(({ name: chain, base, rules }) => {
    const lines = rules.map(({ label, text }) => `    ${text} comment "${label}"\n`).join("");
    return `  chain ${chain} {\n    ${base}\n${lines}  }\n`;
  });
  return `add table ip ${name}\ndelete table ip ${name}\ntable ip ${name} {\n  comment "${owner}"\n${body.join("")}}\n`;
}

/**
 * A table's content as texts that can be compared and kept: chains and rules in order, each with its name and the first 64
 * bits of its digest. Later listings are compared with the kernel's own listing right after Hornet wrote the table, so
 * nothing depends on how a version of nft prints a rule.
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
 * In words what is different from what was written.
 *
 * @param recorded the fingerprint taken when the table was written
 * @param seen the table as it is now, or undefined where it is gone
 */
export function tableDrift(name: string, recorded: readonly string[], seen: ObservedTable | undefined): string[] {
  if (seen === undefined) return [`nft table ${name} missing`];
  const now = fingerprint(seen);
  const label = (entry: string): string => `nft ${headOf(entry)}`;
  const known = new Set(recorded.map(headOf));
  const present = new Set(now.map(headOf));
  const drift = [
    ...recorded.filter((entry) => !present.has(headOf(entry))).map((entry) => `${label(entry)} missing`),
    ...now.filter((entry) => !known.has(headOf(entry))).map((entry) => `${label(entry)} is not ours`),
    ...now
      .filter((entry) => known.has(headOf(entry)) && !recorded.includes(entry))
      .map((entry) => `${label(entry)} changed`),
  ];
  if (drift.length > 0) return drift;
  if (now.length !== recorded.length) return [`nft table ${name} holds a rule twice`];
  return now.some((entry, at) => entry !== recorded[at]) ? [`nft rules of ${name} are in another order`] : [];
}

/**
 * The rules of today's table that the recorded one has not: an earlier Hornet wrote it.
 *
 * @param recorded see {@link tableDrift}
 */
export function newRules({ chains }: NftTable, recorded: readonly string[]): string[] {
  const known = new Set(recorded.map(headOf));
  return chains.flatMap(({ rules }) => rules.map(({ label }) => label)).filter((label) => !known.has(`rule ${label}`));
}
