import { createHash } from "node:crypto";
import { egressEntry } from "../../model/egress";
import type { Observed } from "../../model/observed";
import { ownerId } from "../../model/owner";
import { namesPort } from "./nameServer";
import { portMatch } from "./ports";

/** The egress of some clones, with names in it. */
export interface NamePolicy {
  /** The clones' addresses: `10.0.0.9`. */
  readonly clones: readonly string[];
  /** In the form of model/egress.ts. */
  readonly egress: readonly string[];
}

/** The declared name server of a droplet's guests. */
export interface NamesSpec {
  readonly bridge: string;
  /** The bridge's own address: `10.0.0.1`. */
  readonly address: string;
  readonly policies: readonly NamePolicy[];
  readonly owner: string;
}

/** The texts that droplet/keepers/names.sh keeps. */
export interface NamesFiles {
  readonly policies: string;
  /** The nft transaction that makes the table. */
  readonly transaction: string;
  /** dnsmasq's configuration. */
  readonly resolver: string;
}

/** The nft table of a stack's names. The slash keeps it apart from bridges' tables: an interface's name has none. */
export function namesTableName(owner: string): string {
  return `hornet_${ownerId(owner)}/names`;
}

/** Longest time for which dnsmasq caches an answer, seconds; after it guests learn a changed address. */
const MAX_TTL = 3600;

/** The version of droplet/keepers/names.pl: another one restarts the running name server. */
const VERSION = 2;

/**
 * The files of the name server. Each policy has a chain, to which the table's forward hook jumps: rules for the networks and
 * ports of its list, and one set of addresses for all names with the same ports. The clone's own table (nat.ts) has refused
 * private networks before.
 */
export function namesFiles({ bridge, address, policies, owner }: NamesSpec): NamesFiles {
  const port = namesPort(owner);
  const back = `127.${[0, 2, 4].map((at) => parseInt(ownerId(owner).slice(at, at + 2), 16) % 254 || 1).join(".")}`;
  const table = namesTableName(owner);
  const lines = [`version ${VERSION}`, `listen ${address} ${port}`, `back ${back} ${port}`, `table ${table}`];
  const sets: string[] = [];
  const chains: string[] = [];
  const jumps: string[] = [];
  for (const [at, { clones, egress }] of policies.entries()) {
    const policy = `p${at}`;
    const { rules, byPorts } = policyRules(egress);
    for (const { set, names } of byPorts) {
      if (!sets.includes(set)) sets.push(set);
      lines.push(...names.map((name) => `name ${policy} ${set} ${name}`));
    }
    lines.push(...clones.map((clone) => `clone ${clone} ${policy}`));
    jumps.push(
      `    iifname "${bridge}" ip saddr { ${clones.join(", ")} } jump ${policy} comment "clones of ${policy}"\n`,
    );
    chains.push(
      `  chain ${policy} {\n${rules.map((rule) => `    ${rule} comment "${policy} ${labelOf(rule)}"\n`).join("")}  }\n`,
    );
  }
  const body = [
    `  comment "${owner}"\n`,
    ...sets.map((set) => `  set ${set} { type ipv4_addr; flags timeout; }\n`),
    ...chains,
    `  chain forward {\n    type filter hook forward priority filter; policy accept;\n`,
    `    ct state established,related accept comment "established"\n`,
    ...jumps,
    "  }\n",
  ];
  return {
    policies: lines.join("\n"),
    transaction: `add table ip ${table}\ndelete table ip ${table}\ntable ip ${table} {\n${body.join("")}}\n`,
    resolver: [
      ...[`port=${port}`, `listen-address=${back}`, "bind-interfaces", "no-hosts", "cache-size=10000"],
      ...[`max-ttl=${MAX_TTL}`, `max-cache-ttl=${MAX_TTL}`, "neg-ttl=10", "dns-forward-max=1000", "pid-file"],
    ].join("\n"),
  };
}

function labelOf(rule: string): string {
  return createHash("sha256").update(rule).digest("hex").slice(0, 8);
}

function policyRules(egress: readonly string[]): {
  readonly rules: string[];
  readonly byPorts: { readonly set: string; readonly names: string[] }[];
} {
  const entries = egress.map(egressEntry);
  const rules: string[] = [];
  const groups = new Map<string, string[]>();
  for (const entry of entries) {
    const ports = portMatch(entry.ports);
    if (entry.kind === "network") rules.push(`ip daddr ${entry.network}${ports} accept`);
    if (entry.kind === "internet") rules.push(`${ports.trim()} accept`);
    if (entry.kind === "name") groups.set(ports, [...(groups.get(ports) ?? []), entry.name]);
  }
  const byPorts = [...groups].map(([ports, names]) => {
    // Named after its content, so that a set keeps its addresses when other names change.
    const set = `s${createHash("sha256")
      .update([ports, ...names].join("\n"))
      .digest("hex")
      .slice(0, 10)}`;
    rules.push(`ip daddr @${set}${ports} accept`);
    return { set, names };
  });
  return { rules: [...rules, "reject with icmp admin-prohibited"], byPorts };
}

/** The digest of the files, as `gather_names` prints it. */
export function namesDigest({ policies, transaction, resolver }: NamesFiles): string {
  // put_file ends each with a line feed.
  return createHash("sha256").update(`${policies}\n${transaction}\n${resolver}\n`).digest("hex");
}

/** Drift of the guests' name server. */
export function namesDrift(spec: NamesSpec, { names }: Pick<Observed, "names">): string[] {
  if (names === undefined) return ["the guests' name server does not run"];
  const files = namesFiles(spec);
  const faults = names.faults.map((fault) => faultWords(files, fault.split(" ")));
  return [...(names.digest === namesDigest(files) ? [] : ["the guests' name server has other policies"]), ...faults];
}

/** @param fault as model/observed.ts has it, in words */
function faultWords({ policies }: NamesFiles, [kind = "", set = "", address = ""]: readonly string[]): string {
  if (kind === "label") return "the folder of the guests' name server lost its owner label";
  if (kind === "resolver") return "the dnsmasq of the guests' name server does not run";
  const names = policies.split("\n").flatMap((line) => (line.split(" ")[2] === set ? [line.split(" ")[3] ?? ""] : []));
  const where = `the nft set of ${[...new Set(names)].join(", ")}`;
  return kind === "lost" ? `${where} lost ${address}` : `${where} has ${address}, which no answer opened`;
}
