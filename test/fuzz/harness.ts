import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { ConfigFaults } from "../../config/faults";
import { HornetError, messageOf } from "../../host/errors";
import { startWatchdog } from "./watchdog";

/** One border at which Hornet reads input of others. */
export interface Target<Input> {
  /** Names its file of recorded inputs, corpus/NAME.json. */
  readonly name: string;
  /** Generates inputs. They consist of what JSON holds, and of Buffers. */
  readonly inputs: fc.Arbitrary<Input>;
  /** Throws if the border crashes on an input or accepts what it must refuse. */
  readonly check: (input: Input) => unknown;
}

/** Seconds of random inputs for each target; `npm run fuzz` raises it. */
const seconds = Number(process.env.HORNET_FUZZ_SECONDS ?? "2");
/** A fixed seed keeps `npm test` reproducible; `npm run fuzz` picks another one. */
const seed = Number(process.env.HORNET_FUZZ_SEED ?? "1");
/** How long one input may take before it counts as a hang; in seconds. */
const HANG = 30;

// Jest's own limit of 5 s ended every run of minutes; the watchdog is what finds a hang.
jest.setTimeout((seconds + 2 * HANG) * 1000);

/**
 * Feeds a target its recorded inputs, then random ones until the time is over.
 *
 * @throws Error that holds the shortest failing input as a line for the corpus
 */
export async function fuzz<Input>({ name, inputs, check }: Target<Input>): Promise<void> {
  const watchdog = startWatchdog(name, HANG);
  const attempt = async (input: Input): Promise<void> => {
    watchdog.begin(() => toJson(input));
    await check(input);
  };
  try {
    for (const input of corpus(name)) {
      await attempt(input as Input).catch((error: unknown) => {
        throw failure(name, input, error);
      });
    }
    const result = await fc.check(fc.asyncProperty(inputs, attempt), {
      numRuns: Number.MAX_SAFE_INTEGER,
      interruptAfterTimeLimit: seconds * 1000,
      markInterruptAsFailure: false,
      seed,
    });
    if (result.failed) throw failure(name, result.counterexample?.[0], result.errorInstance);
  } finally {
    await watchdog.stop();
  }
}

/**
 * Runs a border's code. Any other exception than one that is meant for a user is a crash and passes through.
 *
 * @returns the result, or undefined if the border refused the input
 */
export function accepted<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof HornetError || error instanceof ConfigFaults) return undefined;
    throw error;
  }
}

function corpus(name: string): unknown[] {
  const text = readFileSync(join(__dirname, "corpus", `${name}.json`), "utf8");
  return JSON.parse(text, revive) as unknown[];
}

function failure(name: string, input: unknown, error: unknown): Error {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return new Error(
    `${name} fails (seed ${seed}): ${messageOf(error)}\n${stack}\nrecord it in test/fuzz/corpus/${name}.json: ${toJson(input)}`,
  );
}

function toJson(input: unknown): string {
  return JSON.stringify(input, (_key, value: unknown) => {
    const bytes = value as { type?: unknown; data?: readonly number[] } | null;
    // Buffer's own toJSON runs before this function.
    return bytes?.type === "Buffer" && Array.isArray(bytes.data)
      ? { base64: Buffer.from(bytes.data).toString("base64") }
      : value;
  });
}

function revive(_key: string, value: unknown): unknown {
  const base64 = (value as { base64?: unknown } | null)?.base64;
  return typeof base64 === "string" ? Buffer.from(base64, "base64") : value;
}
