import { messageOf } from "../../host/errors";
import { befall } from "../drift/check";
import { drifts } from "../drift/table";
import { clears, isReached } from "./converge";
import { plainFleet, type Blow, type Declaration, type Disturbance } from "./jobs";
import type { Random } from "./random";
import type { Stage } from "./stage";

/** The steps of a walk, and its failure. */
export interface Walked {
  readonly steps: number;
  /** How often the fleet was compared with the declaration. */
  readonly checks: number;
  readonly wrong: readonly string[];
}

/** The longest series of steps before a check of the fleet. */
const CHECK_EVERY = 10;

/** A random series of ups, edits, drifts, kills, crashes, reboots and destroys, in an order that a seed decides. */
export class Walk {
  private declared: Declaration = plainFleet;
  /** The things of strangers on the droplet. */
  private readonly undo = new Set<string>();
  private earlier: string | undefined;

  constructor(
    private readonly stage: Stage,
    private readonly random: Random,
    /** The names of the effects at which an operation may be cut off. */
    private readonly effects: readonly string[],
    private readonly say: (line: string) => void,
  ) {}

  /** Does that many steps, then up and destroy; stops at the first failure. */
  async go(steps: number): Promise<Walked> {
    let checks = 0;
    for (let step = 1; step <= steps; step += 1) {
      const words = await this.step().catch((error: unknown) => `failed: ${messageOf(error)}`);
      this.say(`step ${step}: ${words}`);
      if (words.startsWith("failed: ")) return { steps: step, checks, wrong: [`step ${step} ${words}`] };
      if (step % CHECK_EVERY !== 0) continue;
      checks += 1;
      const wrong = await this.settle();
      if (wrong.length > 0) return { steps: step, checks, wrong: wrong.map((one) => `after step ${step}: ${one}`) };
    }
    const wrong = (await isReached(this.stage, this.declared)) ?? [];
    await this.takeBack();
    return { steps, checks: checks + 1, wrong: wrong.length > 0 ? wrong : await clears(this.stage, this.declared) };
  }

  private async step(): Promise<string> {
    const { random } = this;
    const chance = random.below(100);
    if (chance < 12) return this.edit();
    if (chance < 24) return this.edit(this.fault());
    if (chance < 44) return this.edit(this.blow());
    if (chance < 50) return this.operate("up");
    if (chance < 84) return this.drift();
    if (chance < 90) return this.forget();
    if (chance < 94) return this.operate("destroy", this.blow());
    if (chance < 96) return this.operate("destroy");
    await this.stage.reboot();
    return "reboot";
  }

  private edit(disturbance?: Disturbance): Promise<string> {
    const { random } = this;
    this.declared = {
      count: random.pick([0, 1, 2, 2, 3]),
      memory: random.pick([16, 16, 17]),
      publish: random.pick([[], [80], [80, 443]]),
      egress: random.pick([null, ["10.0.0.0/24"]]),
      ...random.pick([{}, { names: ["*.chaos.test"] }]),
      greeting: random.pick(["hello", "good-bye"]),
      network: random.pick(["10.0.0.1/24", "10.0.0.1/24", "10.7.0.1/24"]),
      tap: random.pick(["tap0", "tap0", "tap0", "tap7"]),
    };
    return this.operate("up", disturbance);
  }

  private fault(): Disturbance {
    return { kind: "fault", fault: `${this.random.pick(["before", "after"])}:${this.random.pick(this.effects)}` };
  }

  private blow(): Disturbance {
    const blows: readonly Blow[] = ["operator", "operator", "ssh", "vmm", "power"];
    return { kind: this.random.pick(blows), effect: 1 + this.random.below(30) };
  }

  /** An undisturbed operation must succeed; a disturbed one may end or not. */
  private async operate(verb: "up" | "destroy", disturbance?: Disturbance): Promise<string> {
    const { stage } = this;
    this.earlier = stage.state;
    const ended = await stage.operate(verb, this.declared, disturbance);
    const how =
      disturbance === undefined
        ? ""
        : disturbance.kind === "fault"
          ? ` with a crash ${disturbance.fault}`
          : ` with a blow to ${disturbance.kind} at effect ${disturbance.effect}`;
    const result = ended.died ? "died" : ended.errors.length > 0 ? `failed: ${ended.errors.join("; ")}` : "done";
    const words = `${verb} of ${JSON.stringify(this.declared)}${how}: ${result}`;
    if (disturbance === undefined && result !== "done") throw new Error(words);
    return words;
  }

  /** Drifts are made for two running clones; without them a drift may have nothing to act on. */
  private async drift(): Promise<string> {
    const { kind, make, undo } = this.random.pick(drifts);
    if (undo !== undefined) this.undo.add(undo);
    const result = await befall(this.stage, make).then(
      () => "",
      () => " (to no effect)",
    );
    return `drift: ${kind}${result}`;
  }

  /** The state is lost, or is that from before the last operation. An up follows, because a destroy would find nothing to do. */
  private async forget(): Promise<string> {
    const lost = this.random.below(2) === 0;
    this.stage.state = lost ? undefined : this.earlier;
    return `state ${lost ? "lost" : "put back"}; ${await this.operate("up")}`;
  }

  private async settle(): Promise<string[]> {
    const wrong = (await isReached(this.stage, this.declared)) ?? [];
    await this.takeBack();
    return wrong;
  }

  private async takeBack(): Promise<void> {
    for (const undo of this.undo) await this.stage.run(undo).catch(() => undefined);
    this.undo.clear();
  }
}
