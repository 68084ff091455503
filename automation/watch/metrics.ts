import { readiness } from "../report";
import type { FleetClone } from "../state";
import type { Look } from "./look";
import type { Memory } from "./memory";

/** A watcher's metrics as node_exporter's textfile collector reads them. */
export function metricsText(
  stack: string,
  look: Look,
  memory: Memory,
  { clones, now }: { readonly clones: readonly FleetClone[]; readonly now: number },
): string {
  const own = `stack="${label(stack)}"`;
  const { p50, p95, p99 } = readiness(clones);
  const quantiles = Object.entries({ "0.5": p50, "0.95": p95, "0.99": p99 });
  const series: [name: string, type: "gauge" | "counter", help: string, lines: [labels: string, value: number][]][] = [
    [
      "look_success",
      "gauge",
      "Whether the last look reached every droplet.",
      [[own, look.error === undefined && look.unreachable.length === 0 ? 1 : 0]],
    ],
    ["look_timestamp_seconds", "gauge", "Time of the last look.", [[own, Math.round(now / 1000)]]],
    ["clones", "gauge", "Clones in the state.", [[own, clones.length]]],
    ["drift", "gauge", "Resources that differ from the declaration.", [[own, look.drift.length]]],
    ["drift_seen_total", "counter", "Differences seen, each once until it is gone.", [[own, memory.seen]]],
    ["drift_repaired_total", "counter", "Differences that a repair ended.", [[own, memory.repaired]]],
    ["repair_failures_total", "counter", "Repairs that failed.", [[own, memory.failures]]],
    [
      "restarts_total",
      "counter",
      "Restarts of clones by repairs, by reason.",
      Object.entries(memory.reasons).map(([reason, count]) => [`${own},reason="${label(reason)}"`, count]),
    ],
    [
      "given_up",
      "gauge",
      "Clones whose budget of restarts is used up.",
      look.givenUp.map((clone) => [`${own},clone="${label(clone)}"`, 1]),
    ],
    [
      "ready_seconds",
      "gauge",
      "Time until ready of the clones' last starts, by quantile.",
      quantiles.map(([quantile, ms]) => [`${own},quantile="${quantile}"`, ms / 1000]),
    ],
  ];
  return series
    .filter(([, , , lines]) => lines.length > 0)
    .map(([name, type, help, lines]) => {
      const full = `hornet_watch_${name}`;
      const values = lines.map(([labels, value]) => `${full}{${labels}} ${value}\n`).join("");
      return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${values}`;
    })
    .join("");
}

/** A label's value: names of stacks and clones have none of these characters, text from a droplet may. */
function label(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", " ");
}
