/** A stack whose state is in a shared backend: its lock, a kill while the state is not written, and a move to a file backend. */
import { setTimeout as sleep } from "node:timers/promises";
import { LockedError, openStack } from "../../automation";
import { longTest } from "../support/longTest";
import { MANY, beginManyDroplets, type ManyDroplets } from "../support/manyDroplets";
import { hasObjectStore, startObjectStore } from "../support/objectStore";
import { postgresPrograms, startPostgres } from "../support/postgres";
import { changes } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";

jest.setTimeout(limitMs(600));

/** A backend that several machines can reach. */
interface SharedBackend {
  readonly url: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The locks in it, as Pulumi writes them: JSON. */
  readonly locks: () => Promise<readonly string[]>;
  readonly end: () => Promise<void>;
}

let many: ManyDroplets | undefined;
let backend: SharedBackend | undefined;

afterEach(async () => {
  await many?.end();
  await backend?.end();
  many = backend = undefined;
});

const programs = postgresPrograms();

async function inPostgres(): Promise<SharedBackend> {
  const { url, query, end } = await startPostgres(programs ?? "");
  // Pulumi keeps each file as base64.
  const locks =
    "select convert_from(decode(data->>'data', 'base64'), 'utf8') from pulumi_state where key like '%/locks/%'";
  return { url, end, locks: () => Promise.resolve(query(locks).split("\n")) };
}

async function inObjectStore(): Promise<SharedBackend> {
  const { url, env, read, end } = await startObjectStore();
  return { url, env, end, locks: () => read(".pulumi/locks/") };
}

/** The process that holds the stack's lock, as the lock says; 0 if none does. */
async function holder({ locks }: SharedBackend): Promise<number> {
  const [first = ""] = await locks();
  return first === "" ? 0 : (JSON.parse(first) as { readonly pid: number }).pid;
}

const PIDS =
  'cd /opt/swarm/runtime && for file in vm*/vmm.pid; do kill -0 "$(cut -d" " -f1 "$file")" && cat "$file"; done';

const stories = [
  ["PostgreSQL", programs !== undefined, "the Debian package postgresql", inPostgres],
  ["an object store", hasObjectStore(), "moto_server of the Python package moto", inObjectStore],
] as const;

for (const [name, isThere, needed, start] of stories) {
  const run = isThere ? longTest : test.skip;
  const why = isThere ? "" : ` (skipped: ${needed} is not installed)`;
  run(`${name} orders operators, survives a kill, and hands its stack to another backend${why}`, async () => {
    many = await beginManyDroplets("east");
    backend = await start();
    const { stacks, configure } = many;
    const { backend: folder } = stacks;
    const before = await stacks.observe("east");
    configure({ east: { count: 2, startId: 0 } });
    stacks.use(backend);
    await stacks.pulumi("stack", "init", "--no-select", MANY);

    // The state is written once, at the end, as for a large fleet. The operator stops while its clones start.
    Object.assign(process.env, { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" });
    const killed = stacks.tryPulumi("up", "--yes", "--skip-preview", "--parallel", "1", "-s", MANY);
    for (const name of ["PULUMI_EXPERIMENTAL", "PULUMI_SKIP_CHECKPOINTS"]) Reflect.deleteProperty(process.env, name);
    let pid = 0;
    const ended = killed.then(() => "over" as const);
    while (pid === 0) {
      if ((await Promise.race([ended, sleep(50)])) === "over") throw new Error("nobody saw the operation's lock");
      pid = await holder(backend);
    }
    await stacks.on("east", "until ls /opt/swarm/runtime/vm*/vmm.pid; do sleep 0.05; done 2>/dev/null");
    process.kill(pid, "SIGSTOP");
    try {
      const other = await openStack({
        stack: MANY,
        workDir: stacks.project,
        create: false,
        env: stacks.variables,
      });
      const refused = await other.up().catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(LockedError);
      expect((refused as LockedError).message).toContain(`(pid ${pid})`);
      expect((refused as LockedError).message).toContain("pulumi cancel");
    } finally {
      process.kill(pid, "SIGKILL");
    }
    expect((await killed).code).not.toBe(0);
    const state = (await stacks.pulumi("stack", "export", "-s", MANY)).match(/hornet:FirecrackerVM::/g);
    expect(state).toBeNull();

    // Nobody else may know that the holder is dead, so releasing its lock is the operator's decision.
    expect((await stacks.tryPulumi("up", "--yes", "--skip-preview", "-s", MANY)).code).not.toBe(0);
    await stacks.pulumi("cancel", "--yes", "-s", MANY);
    await stacks.up(MANY);
    const pids = await stacks.on("east", PIDS);
    expect(pids.split("\n")).toHaveLength(2);

    const file = `${stacks.project}/state.json`;
    await stacks.pulumi("stack", "export", "-s", MANY, "--file", file);
    stacks.use({ url: folder });
    await stacks.pulumi("stack", "import", "-s", MANY, "--file", file);
    await stacks.pulumi("preview", "-s", MANY, "--expect-no-changes");
    expect(await stacks.on("east", PIDS)).toBe(pids);
    await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", MANY);
    expect(changes(before, await stacks.observe("east"))).toEqual([]);
  });
}
