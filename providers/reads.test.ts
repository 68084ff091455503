/** A read changes nothing: not the droplet, whatever it finds there, and not the operator's files. It takes no lock. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Driver, effectsOf, newOperation, sessions } from "../test/support/scratchProvider";
import { owner, snapshots, Stage } from "../test/support/scratchStage";
import { definition as proof } from "./artifact/proof";
import { definition as check } from "./droplet/check";
import { definition as claim } from "./droplet/claim";
import { definition as hardening } from "./droplet/hardening";
import { definition as limits } from "./droplet/limits";
import { definition as sshConfig } from "./droplet/sshConfig";
import { providersOf, type Kind } from "./kinds";
import { definition as smokeTest } from "./vm/smokeTest";

jest.setTimeout(180_000);

const stage = Stage.use({ withVmm: true });
const runtimeDir = "/opt/swarm/runtime";

// Its own: tests that run beside this one write to the one that all of them have.
const records = mkdtempSync(join(tmpdir(), "hornet-records-"));
process.env.XDG_STATE_HOME = records;
afterAll(() => rmSync(records, { recursive: true, force: true }));

/** One resource of every kind, in the order in which they are created. */
async function everyKind(): Promise<Record<Kind, Driver>> {
  const common = { droplet: stage.droplet.connection, owner, runtimeDir };
  const fleet = { ...common, dir: snapshots, namespaces: ["vm7"] };
  const artifact = await stage.artifact();
  const early = {
    DropletCheck: await Driver.of(check, fleet),
    DropletClaim: await Driver.of(claim, fleet),
    DropletLimits: await Driver.of(limits, { ...common, clones: 1 }),
    DropletHardening: await Driver.of(hardening, { ...common, harden: ["ksm"] }),
    ConsoleKeeper: await stage.consoles(),
    MetricsCollector: await stage.metrics({ folder: "/opt/swarm/figures" }),
    RecoveryKeeper: await stage.recovery(),
    Bridge: await stage.bridge(),
    NameServer: await stage.names([{ clones: ["10.0.0.9"], egress: ["example.org"] }]),
    SnapshotArtifact: artifact,
    CloneNamespace: await stage.namespace(),
    NatRuleSet: await stage.nat(),
  };
  for (const one of Object.values(early)) await one.create();
  const vm = await stage.vm(artifact.outs.artifact);
  const { artifactDigest: digest } = artifact.outs;
  const clone = { name: "vm7", address: "10.0.0.9" };
  const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  const tests = [{ on: "droplet", command: "true" }];
  const folder = join(stage.droplet.folder, "ssh");
  const late = {
    FirecrackerVM: vm,
    SmokeTest: await Driver.of(smokeTest, { ...common, ...clone, namespace: "vm7", hostKey, tests }),
    SnapshotProof: await Driver.of(proof, { ...common, digest, clones: ["vm7"] }),
    SshConfig: await Driver.of(sshConfig, { ...common, stack: "p", folder, clones: [{ ...clone, hostKey }] }),
  };
  for (const one of Object.values(late)) await one.create();
  return { ...early, ...late };
}

/** Every file of the operator's that Hornet may write, with its content. */
function operatorFiles(): Record<string, string> {
  const folders = [join(stage.droplet.folder, "ssh"), join(records, "hornet")];
  const files = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name)),
    );
  return Object.fromEntries(files.map((file) => [file, readFileSync(file, "utf8")]));
}

const drifts: readonly (readonly [string, string])[] = [
  ["nothing drifted", ":"],
  ["the clone counts as pending", `echo yes >${runtimeDir}/vm7/begun`],
  ["the pid file is gone", `rm ${runtimeDir}/vm7/vmm.pid`],
  ["the clone counts as unverified", `echo yes >${runtimeDir}/vm7/unsettled`],
  ["links, rules and forwarding drifted", "ip -n vm7 link set tap0 down; nft flush ruleset; ip link set br0 down"],
  ["an artifact's file is gone", `rm -f ${snapshots}/*/vm.mem`],
  ["owner marks are gone", `rm -f ${runtimeDir}/vm7/owner`],
  ["the claim is gone", `rm -rf ${runtimeDir}/.claim-*`],
  ["the VMM is dead", "pkill -9 -x 'stub|firecracker'; sleep 0.3"],
  ["the namespace is gone", "ip netns del vm7"],
  ["the runtime folder is gone", `rm -rf ${runtimeDir}`],
];

test("the read of every kind changes nothing, whatever it finds", async () => {
  const all = await everyKind();
  expect(Object.keys(all).sort()).toEqual(Object.keys(providersOf(newOperation())).sort());
  const found: string[] = [];
  try {
    for (const [what, drift] of drifts) {
      await stage.run(drift);
      const [before, files] = [await stage.observe(), operatorFiles()];
      const effects = await effectsOf(stage.droplet.folder, async () => {
        const operation = newOperation();
        for (const one of Object.values(all)) found.push(String((await one.read(operation)).condition));
        const holder = { what: "ask who holds the lock", run: "lock_holder" } as const;
        expect({ what, holder: await sessions.of(stage.droplet.connection).call(holder) }).toEqual({
          what,
          holder: "",
        });
      });
      expect({ what, effects }).toEqual({ what, effects: [] });
      // These change by themselves: the VMM notes on its console that somebody asked it, the collector writes its figures, a
      // handover ends once its VMM has no pid file, and the keepers end without their folder.
      const own =
        /\/vm7\/console\.log |\/figures\/|hand_over|hornet-handover|watch_consoles|hornet-metrics|hornet-recovery/;
      const changes = (await stage.changesSince(before)).filter((line) => !own.test(line));
      expect({ what, changes }).toEqual({ what, changes: [] });
      expect(operatorFiles()).toEqual(files);
    }
    // It did look.
    expect(new Set(found).size).toBeGreaterThan(drifts.length);
  } finally {
    for (const one of Object.values(all).reverse()) await one.delete();
    rmSync(join(stage.droplet.folder, "ssh"), { recursive: true, force: true });
    await stage.run("rmdir /opt/swarm/figures 2>/dev/null || :");
  }
});
