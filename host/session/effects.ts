import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { newKey } from "./frames";
import { quote } from "../quote";

/**
 * Fault injection of tests. Every change of a droplet passes the library's `effect`. A run that set HORNET_EFFECTS or
 * HORNET_FAULT sends another `effect` (injection.sh) with a random key; its lines on stderr carry that key, so no other
 * text on stderr is obeyed. Every other run has neither that code nor anything that looks for such lines.
 */
export interface Injection {
  readonly key: string;
  /** Shell code that follows the library. */
  readonly code: string;
  /** Acts on the rest of a marked line: `E NAME` names an effect that begins, `K NAME` asks this process to die. */
  obey(line: string): void;
}

/** What the environment asks for; undefined if it asks for nothing. */
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
      // A death is a point, too: it is the one that was asked for.
      if (file !== "") appendFileSync(file, `${name.join(" ")}\n`);
      if (kind === "K") process.kill(process.pid, "SIGKILL");
    },
  };
}
