import { z } from "zod";
import type {
  Observed,
  ObservedClaim,
  ObservedLink,
  ObservedNamespace,
  ObservedRoute,
  ObservedTable,
  ObservedVm,
} from "../model/observed";
import type { VarsOf } from "./session/calls";
import { refusal, reportWaiting, vainWait } from "./session/lock";
import type { Session } from "./session/session";
import { unreadable, wholeNumber } from "./unreadable";
import { jailFaultsIn, limitersOf, parseVm, stateIn } from "./vmFacts";

/** Bytes. A clone takes about 8 KiB. */
const FACTS_LIMIT = 256 << 20;

/** The part of `ip -j -d addr show` (iproute2) that Hornet uses. */
const ipLink = z.object({
  ifname: z.string(),
  flags: z.array(z.string()),
  address: z.string().default(""),
  ifalias: z.string().default(""),
  master: z.string().default(""),
  link_netnsid: z.int().default(-1),
  linkinfo: z
    .object({
      info_kind: z.string().default(""),
      info_slave_data: z.object({ isolated: z.boolean().default(false) }).optional(),
      info_data: z.object({ persist: z.boolean().default(false) }).optional(),
    })
    .optional(),
  addr_info: z.array(z.object({ family: z.string(), local: z.string().default(""), prefixlen: z.int() })).default([]),
});

const ipRoute = z.object({ dst: z.string(), gateway: z.string().default(""), dev: z.string().default("") });

/** nft's JSON listing (libnftables-json(5)): each object has one key, `table`, `chain`, `rule` or another. */
const nftListing = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });
const nftTable = z.object({ name: z.string() });
const nftChain = z.record(z.string(), z.union([z.string(), z.number(), z.null()]));
const nftRule = z.object({ chain: z.string(), comment: z.string().default(""), expr: z.array(z.unknown()) });

/**
 * Reads a droplet in one call: every named namespace, with details of those that the owner has claimed.
 *
 * @param ignoreLock read it even while another operation changes it
 * @throws HornetError that names the lock's holder, if that operation does not end in time
 */
export async function gatherFacts(
  session: Session,
  vars: Omit<VarsOf<"gather_facts">, "quiet">,
  { ignoreLock = false } = {},
): Promise<Observed> {
  const read = async (quiet: string): Promise<string> =>
    session.call({
      what: "read the droplet",
      run: "gather_facts",
      vars: { ...vars, quiet },
      timeoutMs: session.usualMs + Number(quiet) * 1000,
      maxBytes: FACTS_LIMIT,
      hint: "npm run doctor shows what the droplet lacks",
    });
  let text = await read(ignoreLock || (await session.holdsLock()) ? "" : "0.2");
  const before = busyWith(text);
  if (before !== undefined) {
    const vain = vainWait(session.name, before);
    if (vain !== undefined) throw vain;
    reportWaiting(session.name, before);
    text = await read(String(session.patience));
  }
  const holder = busyWith(text);
  if (holder !== undefined) throw refusal(session.name, holder);
  return parseFacts(text);
}

/** The holder of the lock that kept the droplet from being read. */
function busyWith(text: string): string | undefined {
  return /^\x1dbusy (.*)\n/.exec(text)?.[1]; // eslint-disable-line no-control-regex
}

/**
 * Parses the answer of the library's `gather_facts`: parts behind lines that start with a group separator.
 *
 * @throws HornetError if a part is not what ip(8), nft(8) or the library print
 */
export function parseFacts(text: string): Observed {
  try {
    return readSections(text);
  } catch (error) {
    // A RangeError: nested so deep that the stack does not hold it.
    if (error instanceof z.ZodError || error instanceof SyntaxError || error instanceof RangeError) {
      throw unreadable(error.message);
    }
    throw error;
  }
}

function readSections(text: string): Observed {
  // Maps: an assignment to the key __proto__ of an object would change its prototype.
  const inside = new Map<string, ObservedNamespace>();
  const seen = new Map<string, ObservedVm>();
  const bridges = new Map<string, "ours" | "adopted">();
  const claims: ObservedClaim[] = [];
  const pending: string[] = [];
  const single = new Map<string, string>();
  const configs = new Map<string, string>();
  const infos = new Map<string, string>();
  const jails: string[] = [];
  for (const part of text.split("\x1d").slice(1)) {
    const end = part.indexOf("\n");
    const [kind = "", name = "", ...rest] = part.slice(0, end).split(" ");
    const body = part.slice(end + 1);
    if (kind === "claim") claims.push({ name, owner: rest.join(" ") });
    else if (kind === "unmarked") claims.push({ name, owner: rest.join(" "), unmarked: true });
    else if (kind === "begun") pending.push(name);
    else if (kind === "bridge") bridges.set(name, rest[0] === "adopted" ? "adopted" : "ours");
    else if (kind === "inside") inside.set(name, parseNamespace(body));
    else if (kind === "stamp" || kind === "consoles" || kind === "recovery") single.set(kind, name);
    else if (kind === "vm") seen.set(name, parseVm(body));
    // The droplet reads its clones in parallel shares, with one answer each.
    else if (kind === "configs") for (const [clone, answer] of lines(body).map(parseAnswer)) configs.set(clone, answer);
    else if (kind === "jails") jails.push(...lines(body));
    else if (kind === "api") for (const [clone, answer] of lines(body).map(parseAnswer)) infos.set(clone, answer);
    else single.set(kind, body);
  }
  const faults = jailFaultsIn(jails);
  const vms = Object.fromEntries(
    [...seen].map(([name, vm]) => [
      name,
      { ...vm, ...limitersOf(configs.get(name)), ...stateIn(name, infos.get(name)), ...faults.get(name) },
    ]),
  );
  const body = (kind: string): string => single.get(kind) ?? "";
  return {
    stamp: body("stamp"),
    links: parseLinks(body("links")),
    forwarding: body("forwarding").trim() === "1",
    tables: lines(body("tables")).map(parseTable),
    namespaces: lines(body("namespaces")),
    claims,
    pending,
    bridges: Object.fromEntries(bridges),
    inside: Object.fromEntries(inside),
    vms,
    ...(single.has("owners") && { owners: [...new Set(lines(body("owners")))] }),
    ...(single.has("consoles") && { consoleLimit: wholeNumber(body("consoles")) }),
    ...(single.has("recovery") && { recoveryKeeper: body("recovery") }),
    ...(single.has("names") && { names: parseNames(body("names")) }),
    ...(single.has("metrics") && { metrics: parseMetrics(body("metrics")) }),
  };
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

function parseMetrics(body: string): NonNullable<Observed["metrics"]> {
  const [folder = "", written = ""] = lines(body);
  return { folder, written: written === "written" };
}

function parseNames(body: string): NonNullable<Observed["names"]> {
  const [digest = "", ...rest] = lines(body);
  const faults = rest.flatMap((line) => (line.startsWith("! ") ? [line.slice(2)] : []));
  const unresolved = rest.filter((line) => !line.startsWith("! "));
  return { digest: digest.split(" ")[0] ?? "", unresolved, faults };
}

function parseLinks(json: string): ObservedLink[] {
  return z
    .array(ipLink)
    .parse(JSON.parse(json.trim() === "" ? "[]" : json))
    .map((link) => ({
      name: link.ifname,
      kind: link.linkinfo?.info_kind ?? "",
      persistent: link.linkinfo?.info_data?.persist ?? false,
      up: link.flags.includes("UP"),
      carrier: link.flags.includes("LOWER_UP"),
      mac: link.address,
      alias: link.ifalias,
      master: link.master,
      isolated: link.linkinfo?.info_slave_data?.isolated ?? false,
      addresses: link.addr_info
        .filter(({ family }) => family === "inet")
        .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
      peerNamespace: link.link_netnsid,
    }));
}

function parseRoutes(json: string): ObservedRoute[] {
  return z
    .array(ipRoute)
    .parse(JSON.parse(json.trim() === "" ? "[]" : json))
    .map(({ dst, gateway, dev }) => ({ destination: dst, gateway, device: dev }));
}

/** Parses a table from nft's JSON, without handles and counters, which the kernel changes. */
export function parseTable(json: string): ObservedTable {
  const { nftables } = nftListing.parse(JSON.parse(json));
  let name = "";
  const chains: string[] = [];
  const rules: { comment: string; text: string }[] = [];
  for (const object of nftables) {
    if ("table" in object) name = nftTable.parse(object.table).name;
    if ("chain" in object) {
      const chain = nftChain.parse(object.chain);
      chains.push(["name", "type", "hook", "prio", "policy"].map((key) => String(chain[key] ?? "-")).join(" "));
    }
    if ("rule" in object) {
      const rule = nftRule.parse(object.rule);
      rules.push({ comment: rule.comment, text: `${rule.chain} ${JSON.stringify(rule.expr)}` });
    }
  }
  return { name, chains, rules };
}

function parseNamespace(body: string): ObservedNamespace {
  const [links = "[]", routes = "[]", forwarding = "0", ...tables] = lines(body);
  const [digits = "", ...ipv6] = forwarding.trim().split(" ");
  return {
    links: parseLinks(links),
    routes: parseRoutes(routes),
    forwarding: digits.startsWith("1"),
    ...(digits.length > 1 && { strictSource: digits[1] === "1" }),
    ...(ipv6.length > 0 && { ipv6 }),
    tables: tables.map(parseTable),
  };
}

/** A line "CLONE ANSWER" of ask_each in droplet/host/facts.sh. */
function parseAnswer(line: string): readonly [clone: string, answer: string] {
  const at = line.indexOf(" ");
  return [line.slice(0, at), line.slice(at + 1)];
}
