import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { median, type Series } from "./measurements";
import { countsIn } from "./rows";
import { barChart, lineChart, type Bar } from "./svg";
import { show } from "./table";

type All = Readonly<Record<string, Series>>;

function bar(series: All, name: string, label: string, own: boolean): Bar[] {
  const one = series[name];
  if (one === undefined) return [];
  const value = median(one.values);
  return [{ label, value, told: show(value, one.unit), own }];
}

function scriptPlot(series: All): string | undefined {
  const counts = countsIn(series, "work.script.");
  const bars = counts.flatMap((count) => [
    ...bar(series, `work.script.${count}`, `${count} clones: the script`, false),
    ...bar(series, `up.hornet.${count}`, "Hornet, whole up", true),
    ...bar(series, `work.hornet.${count}`, "Hornet, work on the droplet", true),
  ]);
  return counts.length === 0 ? undefined : barChart("Hornet and the archive's script", bars);
}

function scalePlot(series: All): string | undefined {
  const line = (prefix: string): [number, number][] =>
    countsIn(series, prefix).map((count) => [count, median(series[`${prefix}${count}`]?.values ?? []) / 1000]);
  const lines = [
    { label: "Hornet, up", points: line("up.hornet."), own: true, dashed: false },
    { label: "Hornet, no change", points: line("same.hornet."), own: true, dashed: true },
    { label: "engine, up", points: line("up.floor."), own: false, dashed: false },
    { label: "engine, no change", points: line("same.floor."), own: false, dashed: true },
  ].filter(({ points }) => points.length > 1);
  if (lines.length === 0) return undefined;
  return lineChart("Whole commands and what the engine alone takes for as many resources", lines, {
    x: "clones",
    y: "seconds",
  });
}

/** Draws the measurements as SVG files in a folder and returns their names. */
export function writePlots(folder: string, series: All): string[] {
  mkdirSync(folder, { recursive: true });
  const plots = { "bench-script.svg": scriptPlot(series), "bench-scale.svg": scalePlot(series) };
  return Object.entries(plots).flatMap(([name, drawn]) => {
    if (drawn === undefined) return [];
    writeFileSync(join(folder, name), drawn);
    return [name];
  });
}
