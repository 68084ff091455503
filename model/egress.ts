/** What a guest may open connections to, and on which ports, as a config and an argument declare it. */
import { networkProblem } from "./formats";

/** Ports of one protocol, or of both. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
  /** Left out: TCP and UDP. */
  readonly protocol?: "tcp" | "udp";
}

/** One entry of an egress list. */
export type EgressEntry = (
  | { readonly kind: "everything" | "internet" | "none" }
  | { readonly kind: "network"; readonly network: string }
  | { readonly kind: "name"; readonly name: string }
) & { readonly ports?: PortRange };

/** Networks that the Internet does not route: what is behind such an address belongs to the droplet's neighbours. */
export const PRIVATE_NETWORKS: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/3",
];

/**
 * Where clouds serve the credentials of the droplet that asks: link-local addresses (AWS, Google, DigitalOcean and most
 * others), Alibaba, Oracle, Azure. A guest has no IPv6, so fd00:ec2::254 is out of its reach.
 */
export const METADATA = ["169.254.0.0/16", "100.100.100.200", "192.0.0.192", "168.63.129.16"] as const;

const PORTS = String.raw`(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp))?`;
const BARE_PORTS = new RegExp(`^${PORTS}$`);
const WITH_PORTS = new RegExp(`^(.+?)(?::${PORTS})?$`);
const NAME = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

const EXPECTED =
  "must be internet, none, everything, a network (10.132.0.0/16), a name (api.example.org, *.example.org) or a port (443/tcp); " +
  "a port may follow each (10.132.0.5/32:5432/tcp)";

/** What is wrong with an entry of an egress list, as the rest of a sentence. */
export function egressProblem(text: string): string | undefined {
  const parsed = read(text);
  return "problem" in parsed ? parsed.problem : undefined;
}

/** An entry that {@link egressProblem} found nothing wrong with. */
export function egressEntry(text: string): EgressEntry {
  const parsed = read(text);
  if ("problem" in parsed) throw new RangeError(`${JSON.stringify(text)} ${parsed.problem}`);
  return parsed;
}

/** What is wrong with a port of the droplet that guests reach (`8080/tcp`), as the rest of a sentence. */
export function servicePortProblem(text: string): string | undefined {
  const match = BARE_PORTS.exec(text);
  if (match === null) return "must be a port of the droplet, such as 8080/tcp or 8000-8010/tcp";
  const ports = portsOf(match.slice(1));
  return "problem" in ports ? ports.problem : undefined;
}

/** The ports that a text names which {@link servicePortProblem} found nothing wrong with; TCP where it names no protocol. */
export function servicePorts(text: string): PortRange & { readonly protocol: "tcp" | "udp" } {
  const ports = portsOf(BARE_PORTS.exec(text)?.slice(1) ?? []);
  if ("problem" in ports) throw new RangeError(`${JSON.stringify(text)} ${ports.problem}`);
  return { protocol: "tcp", ...ports };
}

function read(text: string): EgressEntry | { readonly problem: string } {
  const bare = BARE_PORTS.exec(text);
  if (bare !== null) {
    const ports = portsOf(bare.slice(1));
    return "problem" in ports ? ports : { kind: "internet", ports };
  }
  const [, what = "", ...portTexts] = WITH_PORTS.exec(text) ?? [];
  const target = targetOf(what);
  if ("problem" in target || portTexts[0] === undefined) return target;
  const ports = portsOf(portTexts);
  if ("problem" in ports) return ports;
  return target.kind === "none" || target.kind === "everything"
    ? { problem: `must be ${target.kind} without a port` }
    : { ...target, ports };
}

function targetOf(text: string): EgressEntry | { readonly problem: string } {
  if (text === "internet" || text === "none" || text === "everything") return { kind: text };
  if (/^[\d./]+$/.test(text)) {
    const problem = networkProblem(text);
    return problem === undefined ? { kind: "network", network: text } : { problem };
  }
  const name = text.toLowerCase();
  return name.length <= 253 && NAME.test(name) ? { kind: "name", name } : { problem: EXPECTED };
}

function portsOf([first = "", last, protocol]: readonly (string | undefined)[]):
  PortRange | { readonly problem: string } {
  const range = { first: Number(first), last: Number(last ?? first) };
  if (range.first < 1 || range.last > 65535 || range.last < range.first) {
    return { problem: "must name ports from 1 to 65535, the lower one first" };
  }
  return { ...range, ...(protocol !== undefined && { protocol: protocol as "tcp" | "udp" }) };
}
