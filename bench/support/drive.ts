/**
 * Creates and removes a fleet by calling the providers as the engine would, without the engine: what remains is
 * Hornet's own work and the droplet's. It is a separate process, because a provider process serves one operation and keeps
 * what it read. Reads a DriveRequest as JSON on stdin and writes a DriveResult on stdout; runs beside the droplet (over
 * ssh) or inside it (`{local: true}`).
 */
import { readFileSync } from "node:fs";
import { connectionSchema } from "../../model/connection";
import { Sessions } from "../../host/session/sessions";
import type { VmOutputs } from "../../providers/vm/inputs";
import { recordCalls, spanOf, type CallObserver } from "./calls";
import type { CallRecord, DrivenClone, DriveRequest, DriveResult } from "./driveTypes";
import { addressOf, Fleet } from "./fleet";
import { firstAnswer, firstHostKey } from "./ping";

/** Waits for the first answer of every started clone: `vm7` → ms from the end of its restore. */
interface Answers extends CallObserver {
  readonly kind: "ping" | "ssh";
  of(name: string): Promise<number>;
}

/** By ping, asked from before the clone is there. */
class Pings implements Answers {
  readonly kind = "ping";
  private readonly answers = new Map<string, Promise<number>>();
  private readonly resumed = new Map<string, number>();

  constructor(private readonly droplet: string) {}

  begun({ run, vars }: { run: string; vars?: Readonly<Record<string, string>> }): void {
    const name = vars?.namespace;
    if (run !== "start_vm" || name === undefined) return;
    this.answers.set(name, firstAnswer(this.droplet, addressOf(Number(name.slice(2)))));
  }

  ended({ vars }: { vars?: Readonly<Record<string, string>> }, { run, end }: CallRecord): void {
    if (run === "start_vm") this.resumed.set(vars?.namespace ?? "", end);
  }

  async of(name: string): Promise<number> {
    return Math.max(0, ((await this.answers.get(name)) ?? NaN) - (this.resumed.get(name) ?? NaN));
  }
}

/** Accepts any host key of the ssh server. */
class HostKeys implements Answers {
  readonly kind = "ssh";
  private readonly took = new Map<string, Promise<number>>();

  constructor(private readonly droplet: string) {}

  begun(): void {
    // Before the guest answers, a connection attempt would wait for a second.
  }

  ended({ vars }: { vars?: Readonly<Record<string, string>> }, { run, end }: CallRecord): void {
    const name = vars?.namespace;
    if (run !== "start_vm" || name === undefined) return;
    const answer = firstHostKey(this.droplet, addressOf(Number(name.slice(2))));
    this.took.set(
      name,
      answer.then((at) => at - end),
    );
  }

  of(name: string): Promise<number> {
    return this.took.get(name) ?? Promise.resolve(NaN);
  }
}

function answersOf({ pingFrom, untold }: DriveRequest): Answers | undefined {
  if (untold !== undefined) return new HostKeys(untold);
  return pingFrom === undefined ? undefined : new Pings(pingFrom);
}

/** No session opens more lanes than this. */
const LANES = 8;

async function drive(request: DriveRequest): Promise<DriveResult> {
  // Parsed as in the providers: the connection's text identifies a session.
  const sessions = new Sessions();
  const session = sessions.of(connectionSchema.parse(request.droplet));
  const begun = performance.now();
  // All lanes, so that opening them is not counted as work on the droplet.
  await Promise.all(Array.from({ length: LANES }, () => session.perform({ what: "connect", run: "pause 0.05" })));
  const connect = performance.now() - begun;
  const look = async (): Promise<string[]> =>
    request.inspect === undefined ? [] : [await session.perform({ what: "look", run: request.inspect })];
  const answers = answersOf(request);
  const calls = recordCalls(answers);
  const fleet = new Fleet(request, sessions);
  const ids = Array.from({ length: request.count }, (_, id) => id);
  const clones: DrivenClone[] = [];
  // The artifact is read before the clock starts: that time depends on its size, not on the clones.
  const artifact = request.networkOnly === true ? undefined : (await fleet.snapshot()).artifact;
  const snapshot = spanOf(calls.splice(0));
  if (request.snapshotOnly === true) {
    await sessions.close();
    return { connect, create: 0, destroy: 0, snapshot, calls: [], clones, inspected: [] };
  }
  let created: CallRecord[];
  let before: string[];
  let after: string[];
  try {
    await fleet.claim();
    await fleet.bridge();
    if (request.beside !== undefined) {
      const { id, ...program } = request.beside;
      await fleet.network(id);
      await fleet.vm(id, artifact, { ...program, readyTimeout: 0 });
    }
    const seen = calls.splice(0);
    before = await look();
    calls.splice(0, calls.length, ...seen);
    if (request.networkOnly === true) for (const id of ids) await fleet.network(id);
    else if (request.inTurn === true) for (const id of ids) clones.push(await clone(fleet, id, artifact, answers));
    else clones.push(...(await allOf(ids.map((id) => clone(fleet, id, artifact, answers)))));
    created = calls.splice(0);
    after = await look();
    calls.splice(0);
  } finally {
    await fleet.destroy();
  }
  const destroy = spanOf(calls);
  await sessions.close();
  const inspected = [...before, ...after];
  return { connect, create: spanOf(created), destroy, snapshot, calls: created, clones, inspected };
}

/** Waits for all, so that nothing still runs when the first failure is thrown. */
async function allOf<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

async function clone(fleet: Fleet, id: number, artifact: unknown, answers: Answers | undefined): Promise<DrivenClone> {
  await fleet.network(id);
  const { disk, pid, timings } = (await fleet.vm(id, artifact)) as unknown as VmOutputs;
  const name = `vm${id}`;
  const answered = answers === undefined ? {} : { [answers.kind]: await answers.of(name) };
  return { name, disk, pid, timings: { ...timings, ...answered } };
}

drive(JSON.parse(readFileSync(0, "utf8")) as DriveRequest).then(
  (result) => process.stdout.write(JSON.stringify(result)),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);
