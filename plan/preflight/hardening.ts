/** What `hornet:droplet.harden` sets on a droplet, and gives back when the stack leaves. */
import type { HARDEN_POINTS } from "../../model/arguments/droplet";
import type { DropletFacts } from "./facts";

/** A point that a config can name. Swap is not the droplet's but each VMM's: its cgroup rules it out (plan/vm/limits.ts). */
export type HardenPoint = (typeof HARDEN_POINTS)[number];

/** A value of a droplet that is to be another one. */
export interface Hardening {
  readonly key: Exclude<HardenPoint, "swap">;
  readonly to: string;
}

/** What must be set, of the points that are named. What the droplet lacks, or Hornet cannot change there, is left. */
export function hardeningOf(facts: DropletFacts, harden: readonly HardenPoint[]): Hardening[] {
  const set = (key: Hardening["key"], isWeak: boolean, to: string): Hardening[] =>
    harden.includes(key) && isWeak && facts.get(`hardenable.${key}`) === "yes" ? [{ key, to }] : [];
  const [mode = "600"] = (facts.get("kvm_access") ?? "").split(" ");
  const bits = Number.parseInt(mode, 8);
  const itlb = facts.get("vulnerability.itlb_multihit") ?? "Not affected";
  return [
    ...set("ksm", facts.get("ksm") === "1", "0"),
    ...set("smt", facts.get("smt_active") === "1" && facts.get("smt") === "on", "off"),
    ...set("nx_huge_pages", facts.get("nx_huge_pages") === "N" && itlb !== "Not affected", "Y"),
    ...set("kvm", (bits & 0o007) !== 0, (bits & ~0o007).toString(8)),
  ];
}

/** What a stack has set, as its folder on the droplet remembers it. */
export interface Hardened {
  readonly key: string;
  readonly before: string;
  readonly to: string;
}

/** Parses lines "KEY BEFORE TO". */
export function parseHardened(text: string): Hardened[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [key = "", before = "", to = ""] = line.split(" ");
      return { key, before, to };
    });
}

/** The lines that {@link parseHardened} parses, from the answer of `hardening_facts`. */
export function hardenedText(facts: DropletFacts): string {
  return [...facts]
    .filter(([key]) => key.startsWith("hardened."))
    .map(([key, value]) => `${key.slice("hardened.".length)} ${value}\n`)
    .join("");
}

/** The droplet's value of a point, as `harden_droplet` writes it. */
export function valueOf(facts: DropletFacts, key: string): string | undefined {
  return key === "kvm" ? facts.get("kvm_access")?.split(" ")[0] : facts.get(key);
}

/**
 * How what was set has changed since, as messages for the user.
 *
 * @param known the lines that the state remembers
 */
export function hardeningDrift(facts: DropletFacts, known: string): string[] {
  const noted = parseHardened(hardenedText(facts));
  const forgotten = parseHardened(known).filter(({ key }) => !noted.some((one) => one.key === key));
  return [
    ...(forgotten.length > 0 ? ["the record of what was hardened is missing"] : []),
    ...noted.flatMap(({ key, to }) => {
      const value = valueOf(facts, key);
      return value === undefined || value === to ? [] : [`${key} is ${value}, hardened to ${to} before`];
    }),
  ];
}
