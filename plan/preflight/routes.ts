import { cidrOf, parseCidr, type Cidr } from "../../model/addresses";

/** A route as `ip route show table all` prints it. */
export interface Route {
  readonly text: string;
  readonly network: Cidr;
  /** Empty where it has several next hops. */
  readonly link: string;
  readonly gateway?: string;
  /** It discards packets, as routers do with what no longer prefix covers. */
  readonly leadsNowhere: boolean;
}

const NOWHERE: ReadonlySet<string> = new Set(["unreachable", "blackhole", "prohibit", "throw"]);
const OTHER_TYPES: ReadonlySet<string> = new Set(["broadcast", "multicast", "anycast", "nat"]);

/** Parses a line; undefined for one that leads no packet to another machine. */
export function parseRoute(line: string): Route | undefined {
  const words = line
    .replaceAll("\\", " ")
    .split(/\s+/)
    .filter((word) => word !== "" && word !== "linkdown");
  const type = words[0] ?? "";
  if (OTHER_TYPES.has(type)) return undefined;
  const typed = NOWHERE.has(type) || type === "local" || type === "unicast";
  const target = words[typed ? 1 : 0] ?? "";
  const network =
    target === "default" ? cidrOf("0.0.0.0/0") : parseCidr(target.includes("/") ? target : `${target}/32`);
  if (network === undefined) return undefined;
  const after = (word: string): string | undefined => words[words.indexOf(word) + 1 || words.length];
  const gateway = after("via");
  return {
    text: `"${words.join(" ")}"`,
    network,
    link: after("dev") ?? "",
    leadsNowhere: NOWHERE.has(type),
    ...(gateway !== undefined && { gateway }),
  };
}

/** Routes this wide stand for all that nothing else covers: a default route, or the halves that VPNs use in its place. */
const WIDEST = 8;

/** Whether a route means "everything else", so that a network within it is free. */
export function isDefaultLike({ network }: Pick<Route, "network">): boolean {
  return network.prefix < WIDEST;
}

/** A policy rule. */
export interface Rule {
  readonly pref: number;
  readonly text: string;
}

/** The rules that have the kernel look into a table before the table main, first ones first. */
export function rulesBefore(lines: readonly string[], table: string | undefined): Rule[] {
  const rules = lines.map((text) => ({ pref: Number(text.split(":", 1)[0]), text }));
  const main = rules.find(({ text }) => /^\d+: from all lookup main$/.test(text))?.pref ?? 32_766;
  return rules.filter(
    ({ pref, text }) => pref > 0 && pref < main && (table === undefined || text.includes(` ${table}`)),
  );
}
