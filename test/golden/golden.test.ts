/**
 * One reviewed text of everything that Hornet does for a fleet of one clone: every call on the droplet with the lines of
 * `ip`, the nft transactions and the requests to the VMM that it holds, the files that are made, the processes that run.
 * A change of behaviour shows as a change of one-clone.txt; `HORNET_GOLDEN=write npm test -- test/golden` writes it anew.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AnyCall } from "../../host/session/call";
import { Session } from "../../host/session/session";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { Engine } from "../chaos/engine";
import { plainFleet, type Job } from "../chaos/jobs";
import { scratchDroplet, type ScratchDroplet } from "../support/scratchDroplet";
import { scratchVmm } from "../support/scratchVmm";
import { newOperation, sessions } from "../../test/support/scratchProvider";

jest.setTimeout(120_000);

const golden = join(__dirname, "one-clone.txt");
const images = "/opt/swarm/images";
const vmm = scratchVmm();
let droplet: ScratchDroplet;

beforeAll(async () => {
  droplet = await scratchDroplet({ firecracker: vmm.path });
  copyFileSync(join(vmm.folder, "stub"), join(dropletPaths("scratch").opt, "stub"));
  await droplet.run(`mkdir -p ${images}; printf '\\177ELF\\2\\1\\1' >${images}/vmlinux.bin
    truncate -s 1M ${images}/vmlinux.bin; printf first >${images}/rootfs.ext4; truncate -s 8M ${images}/rootfs.ext4`);
});
afterAll(async () => {
  await sessions.close();
  await droplet.end();
  rmSync(vmm.folder, { recursive: true, force: true });
});

/** What differs from one run to the next, under a name that says what it is; equal values get equal names. */
class Neutral {
  private readonly seen = new Map<string, string>();

  constructor(private readonly fixed: readonly (readonly [string, string])[]) {}

  of(text: string): string {
    let neutral = text;
    for (const [value, name] of this.fixed) neutral = neutral.replaceAll(value, name);
    return neutral
      .replaceAll(/"cpuFeatures": \[[^\]]*\]/g, '"cpuFeatures": [CPU-FEATURES]')
      .replaceAll(/"(cpu|hostKernel)": "[^"]*"/g, '"$1": "OF-THE-HOST"')
      .replaceAll(/dropbear-key=(?:\\\\[0-7]{4})+/g, "dropbear-key=PRIVATE-KEY")
      .replaceAll(/seed=[A-Za-z0-9+/]{40,}={0,2}/g, "seed=RANDOM")
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
      .replaceAll(/(--(?:start-time-us|start-time-cpu-us|parent-cpu-time-us)) \d+/g, "$1 N")
      .replaceAll(/-----BEGIN OPENSSH PRIVATE KEY-----[\s\S]*?-----END OPENSSH PRIVATE KEY-----/g, "PRIVATE-KEY")
      .replaceAll(/ssh-ed25519 [A-Za-z0-9+/=]{60,}/g, "ssh-ed25519 PUBLIC-KEY")
      .replaceAll(/\b[0-9a-f]{64}\b/g, (value) => this.nameOf("DIGEST", value))
      .replaceAll(/\b[0-9a-f]{32}\b/g, (value) => this.nameOf("RANDOM", value))
      .replaceAll(/\b[0-9a-f]{16}\b/g, (value) => this.nameOf("SHORT", value))
      .replaceAll(/\b[A-Za-z0-9+/]{100,}={0,2}/g, (value) => this.nameOf("BASE64", value));
  }

  private nameOf(kind: string, value: string): string {
    const name = this.seen.get(value) ?? `${kind}-${this.seen.size + 1}`;
    this.seen.set(value, name);
    return name;
  }
}

function textOf({ what, run, vars = {}, stdin }: AnyCall): string {
  const lines = Object.entries(vars)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => (value.includes("\n") ? `  ${name}:\n${indented(value)}` : `  ${name}: ${value}`));
  const input = stdin === undefined || stdin === "" ? [] : [`  stdin:\n${indented(stdin)}`];
  return [`${run}  (${what})`, ...lines, ...input].join("\n");
}

const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, "    | ");

/** Every process that works for the fleet; a shell's program, which is the library's text, stands as `…`. */
const PROCESSES = `for one in /proc/[0-9]*; do
  mapfile -d '' -t words <$one/cmdline 2>/dev/null || continue
  text="\${words[*]}"
  [[ $text != "bash --norc -euc"* && ( $text == *hornet-wait* || $text == *hornet-consoles* || $text == *--api-sock* ) ]] || continue
  for at in "\${!words[@]}"; do ((\${#words[at]} < 100)) || words[at]=…; done
  echo "\${words[*]}"
done | sort`;

test("one-clone.txt has everything that Hornet does for a fleet of one clone", async () => {
  const calls: AnyCall[] = [];
  const original = Object.getOwnPropertyDescriptor(Session.prototype, "perform")?.value as Session["perform"];
  const spy = jest.spyOn(Session.prototype, "perform").mockImplementation(function (this: Session, call) {
    calls.push(call);
    return original.call(this, call);
  });
  const folder = join(droplet.folder, "operator");
  mkdirSync(folder);
  const job: Job = {
    verb: "up",
    connections: [droplet.connection],
    declaration: { ...plainFleet, count: 1, publish: [80], egress: ["10.0.0.0/24"] },
    stateFile: join(folder, "state.json"),
    sshFolder: join(folder, "ssh"),
    traceFile: join(folder, "trace"),
    // Otherwise the calls of resources that do not depend on each other would mix.
    parallel: 1,
  };
  const neutral = new Neutral([
    [droplet.folder, "SCRATCH"],
    [String(droplet.connection.port), "PORT"],
    [droplet.connection.hostKey ?? "", "DROPLET-KEY"],
  ]);
  try {
    const up = await new Engine(job, newOperation()).run();
    expect(up.errors).toEqual([]);
    const files = await droplet.run(
      "cd /opt/swarm; find runtime snapshots -printf '%M %y %p %l\\n' | sed 's/ *$//' | sort -k 3",
    );
    const processes = await droplet.run(PROCESSES);
    const created = calls.splice(0);
    const down = await new Engine({ ...job, verb: "destroy" }, newOperation()).run();
    expect(down.errors).toEqual([]);
    const removed = calls.splice(0);
    const sections = [
      ["CALLS OF UP", created.map(textOf).join("\n\n")],
      ["FILES", files.trimEnd()],
      ["PROCESSES", processes.trimEnd()],
      // Resources that do not depend on each other are removed at the same time, in any order.
      ["CALLS OF DESTROY, by name", removed.map(textOf).sort().join("\n\n")],
    ].map(([title = "", body = ""]) => `== ${title}\n\n${neutral.of(body)}\n`);
    const text = sections.join("\n");
    if (process.env.HORNET_GOLDEN === "write") writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, "utf8"));
  } finally {
    spy.mockRestore();
  }
});
