import { readFileSync } from "node:fs";
import { join } from "node:path";
import { identityText, type Identity } from "../../firecracker/identity";
import { quote } from "../../host/quote";
import { guestHelper } from "./guestHelper";

const folder = join(__dirname, "../../guest/identity");

/** How a guest without Hornet's identity service runs {@link guestScript}. */
export interface ScriptRun {
  /** The guest was just resumed or booted: its clock and its random generator are the template's. */
  readonly first: boolean;
  /** Somebody answers what the script asks; else it goes on by itself, and asks for no time. */
  readonly attended: boolean;
}

/**
 * What makes a guest the clone that it is, for a POSIX shell of root's: the functions that the identity service has,
 * and the identity in one text. Holds secrets.
 */
export function guestScript(identity: Identity, { first, attended }: ScriptRun): string {
  const read = (file: string): string => readFileSync(join(folder, file), "utf8");
  const parts = [
    ...["apply.sh", "keys.sh", "agent.sh"].map(read),
    read("over-ssh.sh"),
    `helper='${guestHelper()}'`,
    `body=${quote(identityText(identity))}`,
    // One line: a shell may read its script line by line, and the rest of stdin is answers.
    attended ? `identify ${first ? "first" : "again"}; start` : "identify first unattended; start; exit",
  ];
  // Comments cost a guest under emulation time to read, and say nothing to it.
  const text = parts.join("\n").replaceAll(/^\s*#.*\n/gm, "");
  return `${text}\n`;
}
