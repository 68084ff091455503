import {
  broadcastNumber,
  cidrOf,
  formatAddress,
  networkNumber,
  overlaps,
  parseCidr,
  type Cidr,
} from "../../model/addresses";
import { listOf, type DropletFacts } from "./facts";
import { isDefaultLike, parseRoute } from "./routes";

/** Where to look for a free network: first where few others are. */
const POOLS = [
  "10.201.0.0/16",
  "10.202.0.0/15",
  "10.204.0.0/14",
  "172.24.0.0/13",
  "192.168.192.0/18",
  "10.0.0.0/8",
  "172.16.0.0/12",
];
/** Networks of a pool that are tried. */
const MOST_TRIED = 64;

/** A bridge's address with this prefix whose network nothing on the droplet uses: `10.201.0.1/24`. */
export function freeAddress(facts: DropletFacts, prefix: number): string | undefined {
  const taken = takenNetworks(facts);
  for (const pool of POOLS.map(cidrOf)) {
    const size = 2 ** (32 - prefix);
    const last = broadcastNumber(pool);
    for (let at = networkNumber(pool), tries = 0; at + size - 1 <= last && tries < MOST_TRIED; at += size, tries++) {
      const candidate = { address: at, prefix };
      if (!taken.some((one) => overlaps(one, candidate))) return `${formatAddress(at + 1)}/${prefix}`;
    }
  }
  return undefined;
}

function takenNetworks(facts: DropletFacts): Cidr[] {
  const addresses = listOf(facts, "net.address").flatMap((line) => line.split(" ").slice(1));
  const rules = listOf(facts, "net.rule").flatMap((line) => /\bto (\S+)/.exec(line)?.[1] ?? []);
  const parties = [facts.get("net.operator") ?? "", ...listOf(facts, "net.resolver")];
  const plain = [...addresses, ...rules, ...parties].flatMap(
    (one) => parseCidr(one.includes("/") ? one : `${one}/32`) ?? [],
  );
  const routes = listOf(facts, "net.route").flatMap((line) => parseRoute(line) ?? []);
  return [...plain, ...routes.filter((route) => !isDefaultLike(route)).map(({ network }) => network)];
}
