import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SmokeTest } from "../../model/arguments/vm";
import { isLocal } from "../../model/connection";
import { HornetError } from "../../host/errors";
import { capture, type Captured } from "../../host/exec";
import { foreignText } from "../../host/printable";
import { privateFolder } from "../../host/privateFolder";
import { sshPath } from "../../model/sshPolicy";
import { expandHome } from "../../host/ssh/options";
import { FORWARDING } from "../../plan/preflight/judge";
import type { Droplet } from "../operation/droplet";
import type { CommonInputs } from "../kit/definition";
import { atGuest } from "./guestError";

type Outcome = Pick<Captured, "code" | "stdout" | "stderr" | "killed">;

/** Said in a clone before the test's own words. Every shell that somebody may have there, fish and csh too, knows how. */
const BEGINS = "hornet-smoke-test-begins";

/** Bytes that a test may print on stdout. */
const OUTPUT_LIMIT = 1 << 20;
/** Bytes of its stderr that are kept: its end. */
const STDERR_KEPT = 4096;

/** The clone that is tried. */
export interface Tried extends CommonInputs {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly user: string;
}

/**
 * Runs a clone's smoke tests, one after another.
 *
 * @param hostKey the key that the clone must answer ssh with
 * @throws HornetError with the command that failed, its exit code and the end of what it said
 */
export function runSmokeTests(
  droplet: Droplet,
  clone: Tried,
  hostKey: string,
  tests: readonly SmokeTest[],
): Promise<void> {
  return atGuest(droplet, clone, () => tryAll(droplet, clone, hostKey, tests));
}

async function tryAll(droplet: Droplet, clone: Tried, hostKey: string, tests: readonly SmokeTest[]): Promise<void> {
  for (const test of tests) {
    const { code, stdout, stderr, killed } =
      test.on === "clone" ? await inClone(droplet, clone, hostKey, test) : await onDroplet(droplet, clone, test);
    const said = stdout.trim();
    if (code === 0 && (test.expect === undefined || said === test.expect)) continue;
    throw new HornetError(`the smoke test of ${clone.name} on ${droplet.name} failed`, {
      details: [
        `command (on the ${test.on}): ${test.command}`,
        `exit code: ${killed === undefined ? code : `none, it ${killed}`}`,
        ...(test.expect === undefined ? [] : [`expected: ${test.expect}`]),
        ...(said === "" ? [] : ["stdout:", foreignText(said.slice(-600), "  ")]),
        ...(stderr.trim() === "" ? [] : ["stderr:", foreignText(stderr.trim().slice(-600), "  ")]),
      ],
      next: nextStep(stderr),
    });
  }
}

function nextStep(stderr: string): string {
  // As ssh -W says it, over a connection of its own and over one that is shared.
  return /forwarding (request )?failed|open failed/i.test(stderr)
    ? `sshd on the droplet forwards no connections to clones: ${FORWARDING}`
    : "try the same by hand, or change hornet:fleet.smokeTests";
}

async function onDroplet(droplet: Droplet, clone: Tried, { command, timeout }: SmokeTest): Promise<Outcome> {
  const { name, namespace, address } = clone;
  const answer = await droplet.call({
    what: `run a smoke test of ${name}`,
    run: "smoke_test",
    vars: { name, namespace, address, command },
    timeoutMs: timeout * 1000,
  });
  return { code: 0, stdout: answer, stderr: "" };
}

/** As a person would: through the droplet to the clone's own address, with the operator's key and the host key pinned. */
async function inClone(
  droplet: Droplet,
  clone: Tried,
  hostKey: string,
  { command, timeout }: SmokeTest,
): Promise<Outcome> {
  const folder = privateFolder();
  try {
    const known = join(folder.path, "known_hosts");
    writeFileSync(known, `${clone.name} ${hostKey}\n`, { mode: 0o600 });
    const key = isLocal(clone.droplet) ? undefined : clone.droplet.privateKeyPath;
    const proxy = await droplet.session.proxyCommand();
    const options = [
      "BatchMode=yes",
      "StrictHostKeyChecking=yes",
      `UserKnownHostsFile=${sshPath(known)}`,
      "GlobalKnownHostsFile=/dev/null",
      `HostKeyAlias=${clone.name}`,
      `ConnectTimeout=${Math.ceil(timeout)}`,
      "LogLevel=ERROR",
      "ControlPath=none",
      ...(proxy === undefined ? [] : [`ProxyCommand=${proxy}`]),
      ...(key === undefined ? [] : [`IdentityFile=${sshPath(expandHome(key))}`, "IdentitiesOnly=yes"]),
    ].flatMap((option) => ["-o", option]);
    const argv = ["-F", "none", "-T", ...options, "-l", clone.user, clone.address, `echo ${BEGINS}; ${command}`];
    const said = await capture(["ssh", ...argv], {
      limitMs: timeout * 1000,
      maxStdout: OUTPUT_LIMIT,
      keptStderr: STDERR_KEPT,
    });
    const [before, after] = said.stdout.split(`${BEGINS}\n`, 2);
    return { ...said, stdout: after ?? before ?? "" };
  } finally {
    folder.remove();
  }
}
