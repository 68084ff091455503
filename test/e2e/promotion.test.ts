/** DEV to PROD and back, as a person does it: two droplets, each reached over ssh. */
import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { Stacks } from "../support/stacks";
import { limitMs } from "../support/settings";

jest.setTimeout(limitMs(1200));

let stacks: Stacks;

afterEach(async () => {
  await stacks.end();
});

interface Outputs {
  readonly snapshot: { readonly digest: string; readonly proved: string };
  readonly snapshotDigest: string;
  readonly transferred: number;
}

async function outputs(stack: string): Promise<Outputs> {
  return (await stacks.outputs(stack)) as Outputs;
}

/** In the project's folder, which is a repository of its own. */
function git(...args: string[]): string {
  return execFileSync("git", args, { cwd: stacks.project, encoding: "utf8" });
}

const clones = ["vm0", "vm1", "vm2"];

async function names(stack: string): Promise<string[]> {
  const all: string[] = [];
  for (const clone of clones) all.push(await stacks.in(stack, clone, "hostname"));
  return all;
}

test("a snapshot that DEV proved is promoted to PROD, then the next one, then back; both droplets end as they began", async () => {
  stacks = await Stacks.begin("dev", "prod");
  // Somebody else's on PROD: none of it may be touched.
  await stacks.on(
    "prod",
    `ip netns add vm-other; ip link add br0 address 02:00:00:00:00:10 type bridge
     ip link set br0 addrgenmode none up; ip addr add 10.99.0.1/24 dev br0
     mkdir -p /opt/other; cp $(command -v sleep) /opt/other/firecracker
     setsid ip netns exec vm-other /opt/other/firecracker 10000 </dev/null >/dev/null 2>&1 &`,
  );
  const before = { dev: await stacks.observe("dev"), prod: await stacks.observe("prod") };
  const memory = 96;
  stacks.configure("dev", { fleet: { count: 3, maxUnavailable: 3 }, snapshot: { boot: { memory } } });
  stacks.configure("prod", { fleet: { count: 3 }, snapshot: { from: { stack: "dev" } } });

  // Nothing to promote before DEV has proved something.
  expect(await stacks.tryNpm("promote", "dev", "prod", "--cwd", stacks.project)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("has no snapshot") as string,
  });
  await stacks.up("dev");
  const first = (await outputs("dev")).snapshot;
  expect(first.proved).toBe(first.digest);

  const promoted = await stacks.tryNpm("promote", "dev", "prod", "--cwd", stacks.project);
  expect(promoted).toMatchObject({ code: 0, stdout: expect.stringContaining(first.digest) as string });
  const pinnedFirst = readFileSync(stacks.configFile("prod"), "utf8");
  expect(statSync(stacks.configFile("prod")).mode & 0o777).toBe(0o644);
  expect(pinnedFirst).toContain(`digest: ${first.digest}`);
  const preview = await stacks.pulumi("preview", "-s", "prod");
  expect(preview).toMatch(new RegExp(`snapshot ${first.digest} to come from .*files, \\d+ MiB`));
  await stacks.up("prod");
  expect(await names("prod")).toEqual(clones);
  expect((await outputs("prod")).snapshotDigest).toBe(first.digest);
  expect((await outputs("prod")).transferred).toBeGreaterThan(0);

  // The next one: DEV moves on, PROD follows by its pin, a clone at a time.
  stacks.configure("dev", { fleet: { count: 3, maxUnavailable: 3 }, snapshot: { boot: { memory: memory + 16 } } });
  await stacks.up("dev");
  const second = (await outputs("dev")).snapshot;
  expect(second.digest).not.toBe(first.digest);
  await stacks.in("prod", "vm1", "echo kept > /root/mine; sync");
  expect(await stacks.up("prod")).not.toMatch(/FirecrackerVM .*updat/);
  expect(await stacks.in("prod", "vm1", "cat /root/mine")).toBe("kept");
  // In one go: pinned, committed and brought up. Without a repository it ends before anything on PROD changes.
  const inOneGo = ["promote", "dev", "prod", "--yes", "--cwd", stacks.project] as const;
  expect(await stacks.tryNpm(...inOneGo)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("Pulumi.prod.yaml is pinned, but git could not commit it") as string,
  });
  writeFileSync(stacks.configFile("prod"), pinnedFirst);
  git("init", "--quiet");
  git("config", "user.name", "Somebody");
  git("config", "user.email", "somebody@example.com");
  expect(await stacks.tryNpm(...inOneGo)).toMatchObject({ code: 0 });
  expect(git("log", "--format=%s", "--name-only").trim()).toBe("Promote dev's snapshot to prod\n\nPulumi.prod.yaml");
  expect(await names("prod")).toEqual(clones);
  expect((await outputs("prod")).snapshotDigest).toBe(second.digest);

  // Back is reverting the pin, and transfers nothing, even without DEV.
  await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", "dev");
  expect(await stacks.observe("dev")).toEqual(before.dev);
  writeFileSync(stacks.configFile("prod"), pinnedFirst);
  expect(await stacks.up("prod")).toContain("the stack dev has no snapshot any more");
  expect(await stacks.on("prod", "ls -A /opt/swarm/snapshots | wc -l")).toBe("4");
  expect((await outputs("prod")).transferred).toBe(0);
  expect(await names("prod")).toEqual(clones);
  expect((await outputs("prod")).snapshotDigest).toBe(first.digest);

  await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", "prod");
  expect(await stacks.observe("prod")).toEqual(before.prod);
});
