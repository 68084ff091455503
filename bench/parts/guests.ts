import { median, percentile } from "../report/measurements";
import { bootedGuest } from "../support/bootedGuest";
import type { Context, Part } from "../support/context";
import { drive } from "../support/drives";
import type { DriveResult } from "../support/driveTypes";
import { settle } from "../support/stage";

/** Bytes that no other process shares with each VMM, on average. */
const MEMORY = `sum=0 count=0
  for record in /opt/swarm/runtime/vm*/vmm.pid; do
    read -r pid _ <"$record" 2>/dev/null || continue
    kib=$(awk '/^Private_/ { sum += $2 } END { print sum }' "/proc/$pid/smaps_rollup")
    sum=$((sum + kib)) count=$((count + 1))
  done
  printf '%d' $((count == 0 ? 0 : sum * 1024 / count))`;

/**
 * Real guests on the VMM stand-in, restored from a snapshot of a boot: one alone, then the configured number at
 * once. Times to the first ping and ssh count from each clone's resume.
 */
export const guests: Part = async (context, run) => {
  const { droplet, base } = await bootedGuest(context, run);
  for (const count of new Set([1, context.options.guests])) {
    context.say(count === 1 ? "1 emulated guest" : `${count} emulated guests`);
    add(context, count, await drive({ ...base, count, inspect: MEMORY, pingFrom: droplet }));
    await settle();
  }
};

function add({ results }: Context, count: number, { clones, create, inspected }: DriveResult): void {
  const of = (phase: string): number[] => clones.map(({ timings }) => timings[phase] ?? NaN);
  const restores = clones.map(({ timings: { load = NaN, identity = NaN, resume = NaN } }) => load + identity + resume);
  results.add(`guests.restore.${count}`, "ms", median(restores));
  results.add(`guests.ping.${count}`, "ms", median(of("ping")));
  results.add(`guests.ready.${count}`, "ms", median(of("ready")));
  results.add(`guests.p95.${count}`, "ms", percentile(of("ready"), 0.95));
  results.add(`guests.all.${count}`, "ms", create);
  results.add(`guests.memory.${count}`, "bytes", Number(inspected[1]));
}
