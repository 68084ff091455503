import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { newKey } from "./frames";
import { quote } from "../quote";

/**
 * Fault injection for tests. Every change of a droplet passes the library's `effect`. A run with HORNET_EFFECTS or
 * HORNET_FAULT replaces it (injection.sh) and sends a random key; Hornet obeys only lines on stderr that carry the key. All
 * other runs send no such code and look for no such lines.
 */
export interface Injection {
  readonly key: string;
  /** Shell code that follows the library. */
  readonly code: string;
  /** Acts on the text after the key: `E NAME` names an effect that begins, `K NAME` asks this process to die. */
  obey(line: string): void;
}

/** The fault injection that the environment requests, if any. */
export function injectionOf(env: NodeJS.ProcessEnv = process.env): Injection | undefined {
  const { HORNET_FAULT: fault = "", HORNET_EFFECTS: file = "" } = env;
  if (fault === "" && file === "") return undefined;
  const key = newKey();
  const settings = { hornet_fault: fault, hornet_trace: file === "" ? "" : "1", hornet_key: key };
  const assignments = Object.entries(settings).map(([name, value]) => `${name}=${quote(value)}\n`);
  return {
    key,
    code: `\n${assignments.join("")}${readFileSync(join(__dirname, "injection.sh"), "utf8")}`,
    obey: (line) => {
      const [kind, ...name] = line.split(" ");
      // The requested death is a fault point too.
      if (file !== "") appendFileSync(file, `${name.join(" ")}\n`);
      if (kind === "K") process.kill(process.pid, "SIGKILL");
    },
  };
}
