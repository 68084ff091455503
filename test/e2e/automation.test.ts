/** A program drives a stack: the example's orchestrator over HTTP, then openStack by itself. With the VMM stub. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CancelledError, LockedError, UserError, openStack, type FleetEvent, type Progress } from "../../automation";
import { localPaths } from "../../operator/localPaths";
import { observeDroplet } from "../../sandbox/droplet";
import { canary } from "../support/canary";
import { startOrchestrator, type Orchestrator } from "../support/orchestrator";
import { changes } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";
import { beginStubWorld, type StubWorld } from "../support/stubWorld";
import { droplet } from "../support/world";

jest.setTimeout(limitMs(600));

let stub: StubWorld;
let service: Orchestrator | undefined;

afterEach(async () => {
  await service?.end();
  await stub.end();
});

interface Operation {
  readonly id: number;
  readonly state: string;
  readonly env: readonly string[];
  readonly count?: number;
  readonly progress?: Progress;
}

type Status = Record<"running" | "queued" | "last", Operation | null>;

const pidOf = (clone: string): Promise<string> => stub.world.onDroplet(`cat /opt/swarm/runtime/${clone}/vmm.pid`);

async function statusWhen(holds: (status: Status) => boolean): Promise<Status> {
  for (;;) {
    const status = JSON.parse((await service?.ask("/fleet"))?.text ?? "null") as Status;
    if (holds(status)) return status;
    expect(status).not.toMatchObject({ last: { state: "failed" } });
    await sleep(100);
  }
}

test("an orchestrator scales a fleet by HTTP; a program repairs, restarts, cancels and destroys it", async () => {
  stub = await beginStubWorld(0);
  const { world } = stub;
  const before = await observeDroplet(droplet);
  const secrets = [canary(), canary()] as const;
  service = await startOrchestrator(world.folder);
  const { base, ask } = service;
  const answers: string[] = [];
  const post = async (body: object): Promise<Operation> => {
    const { status, text } = await ask("/fleet", body);
    answers.push(text);
    expect({ status, text }).toMatchObject({ status: 202 });
    return JSON.parse(text) as Operation;
  };

  // Who may ask, and what.
  expect((await fetch(`${base}/fleet`)).status).toBe(401);
  expect((await fetch(`${base}/fleet`, { headers: { authorization: "Bearer token-of-a-test" } })).status).toBe(401);
  expect((await ask("/fleet", { count: -1 })).status).toBe(400);
  expect((await ask("/fleet", { env: { "A B": "x" } })).status).toBe(400);
  expect((await ask("/fleet", { count: 1, other: true })).status).toBe(400);
  expect((await ask("/fleet", { env: { A: "x".repeat(70_000) } })).status).toBe(413);
  expect((await ask("/nothing")).status).toBe(404);

  // One operation at a time; what is wished meanwhile becomes one operation.
  const first = await post({ count: 1, env: { FIRST: secrets[0] } });
  await statusWhen(({ running }) => running?.id === first.id);
  const merged = [await post({ count: 5 }), await post({ env: { SECOND: secrets[1] } }), await post({ count: 3 })];
  expect(new Set(merged.map(({ id }) => id)).size).toBe(1);
  const { last } = await statusWhen(({ last: one, running }) => one?.id === merged[0]?.id && running === null);
  expect(last).toMatchObject({
    state: "done",
    count: 3,
    env: ["SECOND"],
    progress: { done: 3, failed: 0, declared: 3 },
  });
  const { text } = await ask("/clones");
  const { clones } = JSON.parse(text) as { clones: Record<string, unknown>[] };
  expect(clones).toMatchObject([
    { name: "vm0", address: "10.0.0.2", condition: "as declared" },
    { name: "vm1", address: "10.0.0.3", condition: "as declared" },
    { name: "vm2", address: "10.0.0.4", condition: "as declared" },
  ]);
  for (const { sshHostKey } of clones) expect(sshHostKey).toMatch(/^ssh-ed25519 AAAA/);
  expect(service.events()).toMatch(/event: clone\ndata: .*"clone":"vm2","change":"created"/);
  // The values are with the guests and encrypted in the state, and nowhere else.
  const config = readFileSync(localPaths().config, "utf8");
  const everywhere = [
    ...answers,
    text,
    service.events(),
    service.log(),
    config,
    readFileSync(localPaths().stackFile, "utf8"),
  ];
  for (const value of secrets) for (const said of everywhere) expect(said).not.toContain(value);
  expect(await world.npm("pulumi", "config", "get", "--path", "hornet:identity.env.SECOND")).toContain(secrets[1]);
  expect(await service.end()).toBe(0);
  service = undefined;

  // Commands for a person and for a scheduler.
  expect(await world.npm("status")).toMatch(/^vm1 +10\.0\.0\.3 +running .*\n[^]*All is as declared\.$/m);
  const inventory = JSON.parse(await world.npm("inventory", "--list")) as Record<string, { hosts: string[] }>;
  expect(inventory.clones?.hosts).toEqual(["vm0", "vm1", "vm2"]);
  await world.onDroplet("kill -9 $(cut -d' ' -f1 /opt/swarm/runtime/vm1/vmm.pid); ip -n vm2 link set tap0 down");
  expect(await world.tryNpm("watch")).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/drift: vm1: VMM exited with 137/) as string,
  });
  const metrics = join(world.folder, "watch.prom");
  const spent = await world.tryNpm("watch", "--repair", "--restarts", "0", "--metrics", metrics);
  expect(spent).toMatchObject({ code: 1, stdout: expect.stringMatching(/given-up: vm1: /) as string });
  expect(await world.onDroplet("ip -n vm2 link show tap0")).toContain(",UP");
  expect(readFileSync(metrics, "utf8")).toMatch(/^hornet_watch_given_up\{stack="local",clone="vm1"\} 1$/m);
  expect(await world.tryNpm("watch", "--repair", "--metrics", metrics)).toMatchObject({ code: 0 });
  expect(readFileSync(metrics, "utf8")).toMatch(/^hornet_watch_restarts_total\{stack="local",reason="killed"\} 1$/m);
  expect(readFileSync(metrics, "utf8")).toMatch(/^hornet_watch_drift_seen_total\{stack="local"\} 2$/m);

  // Drift, and its repair.
  const events: FleetEvent[] = [];
  const stack = await openStack({ stack: "local", create: false, onEvent: (event) => events.push(event) });
  const [vm0, vm2] = [await pidOf("vm0"), await pidOf("vm2")];
  await world.onDroplet("kill -9 $(cut -d' ' -f1 /opt/swarm/runtime/vm1/vmm.pid); sleep 0.5");
  expect(await stack.drift()).toMatchObject([
    { clone: "vm1", message: expect.stringContaining("exited with 137") as string },
  ]);
  expect(await pidOf("vm0")).toBe(vm0);
  const again = await stack.restart("vm0");
  expect(again.changes.map(({ clone }) => clone)).toEqual(expect.arrayContaining(["vm0", "vm1"]));
  const seen = events.filter((event) => event.type === "clone" && event.change === "restarted");
  expect(seen).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ clone: "vm0", reason: "" }),
      expect.objectContaining({ clone: "vm1", reason: expect.stringContaining("exited with 137") as string }),
    ]),
  );
  expect(await pidOf("vm0")).not.toBe(vm0);
  expect(await pidOf("vm2")).toBe(vm2);

  // A second program meets the lock; the first one is cancelled, and the next operation continues. A size that
  // removes a clone forgets that it was restarted.
  const other = await openStack({ stack: "local", create: false });
  const cancel = new AbortController();
  const cancelled = stack.renew("vm2", { signal: cancel.signal });
  const outcome = expect(cancelled).rejects.toBeInstanceOf(CancelledError);
  const { locks } = localPaths();
  while (!existsSync(locks) || readdirSync(locks).length === 0) await sleep(20);
  await expect(other.up()).rejects.toBeInstanceOf(LockedError);
  cancel.abort();
  await outcome;
  await expect(stack.up({ config: { "bridge.address": "nonsense" } })).rejects.toThrow(UserError);
  await stack.configure({ "bridge.address": undefined });
  const { clones: left } = await stack.scale(0);
  expect(left).toEqual([]);
  expect((await stack.preview()).changes).toEqual([]);
  await stack.destroy();
  expect(changes(before, await observeDroplet(droplet))).toEqual([]);
  expect(await world.leftovers()).toEqual([]);
});
