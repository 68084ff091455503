import { createHash } from "node:crypto";
import type { ObservedTable } from "./observed";

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
 * A table's content as short texts that can be compared and kept: chains and rules in order, name and digest of each. The
 * kernel's own listing right after we wrote it is what later listings are held against, so that nothing depends on how
 * a version of nft prints a rule.
 */
export function fingerprint(table: ObservedTable): string[] {
  return [
    ...table.chains.map((chain) => line(`chain ${chain.split(" ")[0] ?? ""}`, chain)),
    ...table.rules.map(({ comment, text }) => line(`rule ${comment === "" ? "without a name" : comment}`, text)),
  ];
}

function line(head: string, text: string): string {
  return `${head}\t${createHash("sha256").update(text).digest("hex").slice(0, 10)}`;
}

/** A fingerprint's digests alone, as one text: the names follow from the table that was written. */
export function condense(entries: readonly string[]): string {
  return entries.map((entry) => entry.split("\t")[1] ?? "").join(" ");
}

/**
 * The fingerprint again.
 *
 * @param table what was written
 * @param digests see {@link condense}
 */
export function expand({ chains }: NftTable, digests: string): string[] {
  const heads = [
    ...chains.map(({ name }) => `chain ${name}`),
    ...chains.flatMap(({ rules }) => rules.map(({ label }) => `rule ${label}`)),
  ];
  const each = digests.split(" ");
  return heads.map((head, at) => `${head}\t${each[at] ?? ""}`);
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
  const head = (entry: string): string => entry.split("\t")[0] ?? entry;
  const label = (entry: string): string => `nft ${head(entry)}`;
  const known = new Set(recorded.map(head));
  const present = new Set(now.map(head));
  const drift = [
    ...recorded.filter((entry) => !present.has(head(entry))).map((entry) => `${label(entry)} missing`),
    ...now.filter((entry) => !known.has(head(entry))).map((entry) => `${label(entry)} is not ours`),
    ...now
      .filter((entry) => known.has(head(entry)) && !recorded.includes(entry))
      .map((entry) => `${label(entry)} changed`),
  ];
  if (drift.length > 0) return drift;
  if (now.length !== recorded.length) return [`nft table ${name} holds a rule twice`];
  return now.some((entry, at) => entry !== recorded[at]) ? [`nft rules of ${name} are in another order`] : [];
}
