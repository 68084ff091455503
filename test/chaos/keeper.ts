/**
 * The recovery keeper's own work, cut off: it restarts a VMM that ended, and is killed at an effect of that. The next up then
 * converges, or the next destroy leaves nothing.
 */
import { messageOf } from "../../host/errors";
import { clears, converges } from "./converge";
import { plainFleet, type Declaration } from "./jobs";
import { succeed } from "./operations";
import type { Stage } from "./stage";

const recovered: Declaration = { ...plainFleet, recovery: "always" };

/** A way to cut a restart by the keeper off. */
export interface KeeperPoint {
  /** `before:NAME` or `after:NAME` of an effect. */
  readonly fault: string;
  readonly next: "up" | "destroy";
}

/** Files in the droplet that are not observed. */
const EFFECTS = "/var/tmp/keeper-effects";
const DIED = "/var/tmp/keeper-died";

/** The last effect of a restart. */
const LAST = "vm0/recovery";

/** ms; the keeper looks each second. */
const LIMIT_MS = 30_000;

/** Every effect of a restart, cut off before and after it. */
export async function keeperPoints(stage: Stage): Promise<KeeperPoint[]> {
  await succeed(stage, "up", recovered);
  await stage.run(killVmm(""));
  await until(stage, `grep -qx ${LAST} ${EFFECTS}`);
  const effects = [...new Set((await stage.run(`cat ${EFFECTS}`)).split("\n").slice(0, -1))];
  await succeed(stage, "destroy", recovered);
  return effects.flatMap((effect) =>
    ["before", "after"].flatMap((when) =>
      (["up", "destroy"] as const).map((next) => ({ fault: `${when}:${effect}`, next })),
    ),
  );
}

/** A short description of the point. */
export function describeKeeperPoint({ fault, next }: KeeperPoint): string {
  return `restart by the recovery keeper, ${fault}, then ${next}`;
}

/** Cuts a restart off and continues. Returns the differences as a message. */
export async function tryKeeperPoint(stage: Stage, { fault, next }: KeeperPoint): Promise<string[]> {
  try {
    await succeed(stage, "up", recovered);
    await stage.run(killVmm(fault));
    await until(stage, `[[ -e ${DIED} ]]`);
    const wrong = await (next === "up" ? converges(stage, recovered) : clears(stage, recovered));
    if (wrong.length > 0) await stage.wipe();
    return wrong;
  } catch (error) {
    await stage.wipe();
    return [messageOf(error)];
  }
}

/** Kills a VMM, after the keeper's library got an `effect` that notes its name and kills the worker at the fault. */
function killVmm(fault: string): string {
  return `
    rm -f ${EFFECTS} ${DIED}
    cat >>"$(echo /opt/swarm/runtime/.recovery-*/library)" <<'END'

effect() {
  local name=$1
  shift
  printf '%s\\n' "$name" >>${EFFECTS}
  [[ "before:$name" != '${fault}' ]] || { : >${DIED}; kill -9 "$$" "$BASHPID"; }
  "$@" || return
  [[ "after:$name" != '${fault}' ]] || { : >${DIED}; kill -9 "$$" "$BASHPID"; }
}
END
    read -r pid _ </opt/swarm/runtime/vm0/vmm.pid
    kill -9 "$pid"`;
}

async function until(stage: Stage, condition: string): Promise<void> {
  await stage.run(`for ((tries = ${LIMIT_MS / 100}; tries > 0; tries--)); do
    if ${condition}; then exit 0; fi
    sleep 0.1
  done 2>/dev/null
  echo 'the keeper did not come to that effect' >&2
  exit 1`);
}
