import { describeConnection, isLocal, type Connection } from "../../model/connection";
import { encode, type AnyCall, type Call } from "./call";
import { kindOf, type CallName } from "./calls";
import { injectionOf } from "./effects";
import { CANNOT_USE, CommandError, ConnectionError, messageOf, UnreachableError } from "../errors";
import { GuestWatch } from "./guestWatch";
import { ANSWER_LIMIT, Lane, type FrameResult } from "./lane";
import { LanePool } from "./lanePool";
import { DropletLock, LockKeeper, lockHolder } from "./lock";
import { Operator } from "./operator";
import { ByteStream } from "./stream";
import type { Trace } from "../trace";
import { privateFolder, type PrivateFolder } from "../privateFolder";
import { quote } from "../quote";
import { unlessRefused } from "./refused";
import { shellCommand } from "./shellCommand";
import { connectionHint, sshOptions } from "../ssh/options";
import { asProxyCommand } from "../ssh/proxyCommand";
import { startTimer } from "../timers";

/** Seconds. */
const DEFAULT_TIMEOUT = 60;
/** Seconds that an operation waits for another one on the same droplet. */
const DEFAULT_LOCK_TIMEOUT = 600;
/** sshd allows 10 sessions on one connection (MaxSessions, sshd_config(5)); this leaves some for people. */
const LANES = 4;
/** How much later than ssh Hornet gives a connection up. */
const SSH_FIRST_MS = 1000;
/** How long a killed call may take to end before Hornet kills its lane too. */
const GIVE_UP_MS = 5000;

/**
 * A session with one droplet: a few lanes over one connection, opened on demand. Further calls queue in order. Local and ssh
 * droplets run the same library.
 */
export class Session {
  private folder: PrivateFolder | undefined;
  private readonly pool: LanePool;
  /** Streams that have not ended. */
  private readonly streams = new Set<ByteStream>();
  private readonly ownLock = new LockKeeper(() => this.takeLock());
  readonly name: string;
  /** Maximum of concurrent calls. */
  readonly width: number;
  readonly guestWatch: GuestWatch;
  /** Identifies the machine until it reboots; undefined before the first connection. */
  machine: string | undefined;

  /** @param operator the state shared with the operator's other sessions. Default: it is the only one */
  constructor(
    private readonly connection: Connection,
    private readonly operator: Operator = new Operator(),
  ) {
    this.name = describeConnection(connection);
    this.width = connection.lanes ?? LANES;
    this.pool = new LanePool((first) => this.connect(first), this.width, this.name);
    this.guestWatch = new GuestWatch(this.name, () => this.stream({ what: "watch guests", run: "watch_guests" }));
  }

  get trace(): Trace {
    return this.operator.trace;
  }

  /** False if the droplet is this machine. */
  get overSsh(): boolean {
    return !isLocal(this.connection);
  }

  /** The scripts of droplet/ as this Hornet has them, and a digest that identifies them. */
  get scripts(): { readonly text: string; readonly digest: string } {
    return this.operator.scripts;
  }

  /** Default limit in ms of a connection attempt and of one call. */
  get usualMs(): number {
    return (this.connection.timeout ?? DEFAULT_TIMEOUT) * 1000;
  }

  /** Seconds that this session waits for other operations on the droplet. */
  get patience(): number {
    return Math.ceil(this.connection.lockTimeout ?? DEFAULT_LOCK_TIMEOUT);
  }

  /**
   * True while this operator holds the droplet's lock, in this session or in one that reached it by another name.
   *
   * @throws ConnectionError if the droplet cannot be reached
   */
  async holdsLock(): Promise<boolean> {
    return this.operator.lockOf(await this.reached(), this.ownLock).held();
  }

  /**
   * Takes the droplet's lock, once for the session; it takes a lost lock again.
   *
   * @returns its stamp; see {@link DropletLock.stamp}
   * @throws HornetError that names the holder if the wait is too long
   */
  async hold(): Promise<string> {
    return this.operator.lockOf(await this.reached(), this.ownLock).keep();
  }

  /** The machine behind the connection, which the first lane asks. */
  private async reached(): Promise<string> {
    if (this.machine === undefined) this.pool.release(await this.pool.acquire());
    return this.machine ?? this.name;
  }

  /**
   * Runs a library function.
   *
   * @returns its stdout
   * @throws CommandError if its exit code is not 0 or it reaches its limit
   * @throws ConnectionError if the droplet cannot be reached, or the connection is lost meanwhile
   */
  call<Name extends CallName>(call: Call<Name>): Promise<string> {
    return this.perform(call);
  }

  /** The same for any code; only tests run code that is no function of droplet/. */
  async perform(call: AnyCall): Promise<string> {
    const asked = Date.now();
    const lane = await this.pool.acquire();
    const begun = Date.now();
    try {
      if (kindOf(call.run) !== "reads") await this.hold();
      const result = await this.limited(lane, call);
      if (result.code !== 0) throw this.failure(call, result.code, result.stderr);
      return result.stdout;
    } finally {
      this.pool.release(lane);
      const row = call.vars?.namespace ?? `the droplet ${this.name}`;
      this.trace.span({
        row,
        name: call.what,
        begun,
        took: Date.now() - begun,
        about: { run: call.run, waited: `${begun - asked} ms` },
      });
    }
  }

  /**
   * Starts a library function whose stdin and stdout are byte streams, over the session's connection.
   *
   * @param into a stream to another droplet that reads its stdout, without this process between
   * @throws ConnectionError if the droplet cannot be reached
   */
  async stream<Name extends CallName>(call: Call<Name>, into?: ByteStream): Promise<ByteStream> {
    const { what, run, vars }: AnyCall = call;
    // The connection is the first lane's.
    this.pool.release(await this.pool.acquire());
    if (kindOf(run) !== "reads") await this.hold();
    await into?.callSent;
    const purpose = { what, run, droplet: this.name };
    const code = encode({ what, run, vars: vars ?? {} });
    const library = this.operator.library(injectionOf());
    const stream = new ByteStream(
      this.command(false, ["serve_stream"]),
      { library, code },
      purpose,
      this.usualMs,
      into,
    );
    this.streams.add(stream);
    const forget = (): void => void this.streams.delete(stream);
    stream.ended.then(forget, forget);
    return stream;
  }

  /**
   * A ProxyCommand for ssh(1) that reaches hosts behind the droplet over the session's connection; undefined if the droplet
   * is this machine.
   *
   * @throws ConnectionError if the droplet cannot be reached
   */
  async proxyCommand(): Promise<string | undefined> {
    if (isLocal(this.connection)) return undefined;
    this.pool.release(await this.pool.acquire());
    const options = sshOptions(this.connection, this.folder?.path ?? "");
    return asProxyCommand(["ssh", ...options, "-o", "ControlMaster=no", "-W", "[%h]:%p", "--", this.connection.host]);
  }

  /** Ends all streams, all lanes and the connection. A later call connects again. */
  async close(): Promise<void> {
    await Promise.all([...this.streams].map((stream) => stream.close()));
    const lanes = this.pool.drain();
    // The lock's end ends the session's lanes, so they go first.
    await Promise.all(lanes.slice(1).map((lane) => lane.close()));
    this.operator.forget(this.ownLock);
    await this.ownLock.give();
    // The first lane carries the connection of the others (ControlMaster), so it goes last.
    await lanes[0]?.close();
    this.folder?.remove();
    this.folder = undefined;
  }

  private async limited(lane: Lane, call: AnyCall): Promise<FrameResult> {
    const limit = call.timeoutMs ?? this.usualMs * (call.patience ?? 1);
    let reason = "";
    let aborting: Promise<void> | undefined;
    const end = (why: string): void => {
      if (aborting !== undefined) return;
      reason = why;
      aborting = this.abort(
        lane,
        run.then(
          () => undefined,
          () => undefined,
        ),
      );
    };
    const run = lane.call(encode(call), call.what, { bytes: call.maxBytes ?? ANSWER_LIMIT, exceeded: end });
    const timer = startTimer(limit, () => end(`reached its limit of ${limit / 1000} s`));
    try {
      const result = await run;
      if (aborting === undefined) return result;
    } catch (error) {
      if (aborting === undefined) throw error;
    } finally {
      timer.cancel();
    }
    // Before the lane's release: otherwise the kill would hit the next call.
    await aborting;
    throw this.failure(call, null, `${reason} and was ended`);
  }

  /**
   * Kills the processes of a lane's call, and the lane too if that does not end the call.
   *
   * @param over the end of the call
   */
  private async abort(lane: Lane, over: Promise<void>): Promise<void> {
    const giveUp = startTimer(GIVE_UP_MS, () => lane.kill());
    try {
      // A temporary lane outside of the pool: all others may be busy.
      const helper = await this.connect(false);
      const late = startTimer(this.usualMs, () => helper.kill());
      try {
        await helper.call(`kill_descendants ${quote(String(lane.pid))}`, "end a call that reached its limit", {
          bytes: ANSWER_LIMIT,
          exceeded: () => helper.kill(),
        });
      } finally {
        late.cancel();
        await helper.close();
      }
    } catch {
      lane.kill();
    }
    await over;
    giveUp.cancel();
  }

  /** Opens a lane; tries again where sshd turns connections away before it asks who comes. */
  private connect(first: boolean): Promise<Lane> {
    return unlessRefused(this.usualMs, () => this.connectOnce(first));
  }

  private async connectOnce(first: boolean): Promise<Lane> {
    const injection = injectionOf();
    const lane = new Lane({
      argv: this.command(first),
      library: this.operator.library(injection),
      droplet: this.name,
      carries: first && this.overSsh,
      injection,
    });
    let late = "";
    const giveUp = (why: string): void => {
      late = why;
      lane.kill();
    };
    // ssh has the same limit (ConnectTimeout), and its error says more.
    const limit = startTimer(this.usualMs + SSH_FIRST_MS, () =>
      giveUp(`no shell answered within ${this.usualMs / 1000} s`),
    );
    try {
      const { stdout } = await lane.call("say_hello", "connect", { bytes: 4096, exceeded: giveUp });
      const [pid, ...machine] = stdout.split(" ");
      lane.pid = Number(pid);
      this.machine = machine.join(" ");
      return lane;
    } catch (error) {
      const details = error instanceof ConnectionError ? error.parts.details : [];
      const why = late === "" && error instanceof ConnectionError ? error.parts.summary : late || messageOf(error);
      throw new UnreachableError(`${CANNOT_USE}${this.name}: ${why}`, {
        details,
        next: connectionHint([why, ...details].join("\n"), this.connection),
        again: `${CANNOT_USE}${this.name}; another resource reports the reason`,
      });
    } finally {
      limit.cancel();
    }
  }

  private command(first: boolean, serve: readonly string[] = ["serve_lane"]): [string, ...string[]] {
    this.folder ??= isLocal(this.connection) ? undefined : privateFolder();
    return shellCommand({
      connection: this.connection,
      folder: this.folder?.path ?? "",
      first,
      session: this.operator.id,
      serve,
    });
  }

  private async takeLock(): Promise<DropletLock> {
    // The connection is the first lane's.
    if (this.pool.empty) this.pool.release(await this.pool.acquire());
    return unlessRefused(this.usualMs, () =>
      DropletLock.take({
        argv: this.command(false, ["hold_lock", String(this.patience), lockHolder()]),
        library: this.operator.library(injectionOf()),
        droplet: this.name,
        firstWordMs: this.usualMs,
        patience: this.patience,
      }),
    );
  }

  private failure(call: AnyCall, code: number | null, stderr: string): CommandError {
    const { what, run, hint } = call;
    return new CommandError({ what, droplet: this.name, command: run, code, stderr, hint });
  }
}
