import { ratioOf, type Series } from "./measurements";

/** The reference of a row, as the table names it. */
export type Against =
  | "script"
  | "engine"
  | "idle twin"
  | "unjailed"
  | "old"
  | "of 3"
  | "kernel"
  | "one clone"
  | "10 clones"
  | "by hand"
  | "same cipher"
  | "untold"
  | "Internet"
  | "quiet"
  | "no change"
  | "one droplet";

/** One line of the table: a series and, if there is one, its reference. */
export interface Row {
  readonly title: string;
  readonly series: string;
  readonly against?: { readonly what: Against; readonly series: string };
  /** The highest ratio that meets the goal. */
  readonly limit?: number;
}

/** A row with its ratio. */
export interface Ratio extends Row {
  readonly ratio: number;
  readonly met: boolean | undefined;
}

/** The goals for work on the droplet and for a whole `up`, as shares of the script's time. */
const WORK_GOALS: Readonly<Record<number, number>> = { 3: 1 / 6, 10: 1 / 12, 30: 1 / 18 };
const UP_GOALS: Readonly<Record<number, number>> = { 3: 1.8, 10: 1 / 1.5, 30: 1 / 6 };
/** The goals for a whole `up` and a `destroy` as multiples of the engine's time for idle resources with the same properties. */
const TWIN_GOALS: Readonly<Record<number, number>> = { 3: 1.4, 10: 1.4, 30: 1.6, 100: 1.6, 250: 1.6 };
const DESTROY_GOALS: Readonly<Record<number, number>> = { 250: 1.6 };

function goal(limit: number | undefined): { limit?: number } {
  return limit === undefined ? {} : { limit };
}

function clones(count: number): string {
  return count === 1 ? "1 clone" : `${count} clones`;
}

/** The numbers that end the names of series that begin with `prefix`, in order. */
export function countsIn(series: Readonly<Record<string, Series>>, prefix: string): number[] {
  const counts = Object.keys(series).flatMap((name) => {
    const [, count] = name.startsWith(prefix) ? (/^(\d+)$/.exec(name.slice(prefix.length)) ?? []) : [];
    return count === undefined ? [] : [Number(count)];
  });
  return counts.sort((one, other) => one - other);
}

function rowsOf(series: Readonly<Record<string, Series>>): Row[] {
  const both = (prefix: string, row: (count: number) => Row[]): Row[] => countsIn(series, prefix).flatMap(row);
  return [
    ...both("work.hornet.", (count) => [
      {
        title: `work on the droplet, ${clones(count)}`,
        series: `work.hornet.${count}`,
        against: { what: "script", series: `work.script.${count}` },
        ...goal(WORK_GOALS[count]),
      },
      { title: "  CPU time of the droplet in it, per clone", series: `work.cpu.${count}` },
      ...old("work", count),
    ]),
    ...both("up.hornet.", (count) => [
      {
        title: `whole up, ${clones(count)}`,
        series: `up.hornet.${count}`,
        against: { what: "script", series: `work.script.${count}` },
        ...goal(UP_GOALS[count]),
      },
      {
        title: `whole up, ${clones(count)}`,
        series: `up.hornet.${count}`,
        against: { what: "idle twin", series: `up.loaded.${count}` },
        ...goal(TWIN_GOALS[count]),
      },
      {
        title: "  against resources without properties",
        series: `up.hornet.${count}`,
        against: { what: "engine", series: `up.floor.${count}` },
      },
      ...old("up", count),
      { title: "  first to last call on the droplet in it", series: `up.span.${count}` },
      {
        title: "up with nothing to change",
        series: `same.hornet.${count}`,
        against: { what: "idle twin", series: `same.loaded.${count}` },
      },
      ...old("same", count),
      {
        title: `up that mends ${Math.min(10, count)} clones whose VMM was killed`,
        series: `repair.hornet.${count}`,
        against: { what: "idle twin", series: `same.loaded.${count}` },
      },
      {
        title: "destroy",
        series: `destroy.hornet.${count}`,
        against: { what: "idle twin", series: `destroy.loaded.${count}` },
        ...goal(DESTROY_GOALS[count]),
      },
      ...old("destroy", count),
      { title: "state, per clone", series: `state.hornet.${count}` },
    ]),
    {
      title: "a clone's share of a whole up of 250",
      series: "share.hornet.250",
      against: { what: "10 clones", series: "share.hornet.10" },
      limit: 1.3,
    },
    ...both("add.hornet.", (count) => [
      {
        title: `one clone added to a fleet of ${count}`,
        series: `add.hornet.${count}`,
        ...(count !== 3 && { against: { what: "of 3" as const, series: "add.hornet.3" }, limit: 1.25 }),
      },
    ]),
    ...both("jail.jailed.", (count) => [
      {
        title: `whole up, ${clones(count)}, jailed`,
        series: `jail.jailed.${count}`,
        against: { what: "unjailed", series: `jail.unjailed.${count}` },
        limit: 1.05,
      },
    ]),
    {
      title: "whole up of several droplets",
      series: "droplets.up.many",
      against: { what: "one droplet", series: "droplets.up.one" },
      limit: 1.25,
    },
    {
      title: "  with nothing to change",
      series: "droplets.same.many",
      against: { what: "one droplet", series: "droplets.same.one" },
    },
    {
      title: "  destroy",
      series: "droplets.destroy.many",
      against: { what: "one droplet", series: "droplets.destroy.one" },
    },
    {
      title: "network of one clone",
      series: "network.hornet",
      against: { what: "kernel", series: "network.floor" },
      limit: 2,
    },
    {
      title: "a guest resolves a name of its egress and connects",
      series: "reach.names",
      against: { what: "Internet", series: "reach.direct" },
      limit: 1.1,
    },
    {
      title: "a guest resolves and connects beside a clone that floods",
      series: "reach.flood",
      against: { what: "quiet", series: "reach.quiet" },
      limit: 2,
    },
    {
      title: "  the droplet's sshd greets",
      series: "reach.ssh.flood",
      against: { what: "quiet", series: "reach.ssh.quiet" },
      limit: 2,
    },
    {
      title: "blocks written for one clone, no reflink",
      series: "bytes.hornet.plain",
      against: { what: "script", series: "bytes.script" },
    },
    {
      title: "blocks written for one clone, reflink",
      series: "bytes.hornet.reflink",
      against: { what: "script", series: "bytes.script" },
    },
    { title: "  of these copies of the memory file", series: "bytes.hornet.memory" },
    {
      title: "a snapshot from droplet to droplet, verified",
      series: "transfer.hornet",
      against: { what: "by hand", series: "transfer.hand" },
      limit: 1.25,
    },
    {
      title: "  against the same by hand with Hornet's cipher",
      series: "transfer.hornet",
      against: { what: "same cipher", series: "transfer.handSameCipher" },
    },
    { title: "  over the wire for it", series: "transfer.sent" },
    { title: "restore of an emulated guest, alone", series: "guests.restore.1" },
    { title: "  first ping after its resume", series: "guests.ping.1" },
    { title: "  answers ssh as itself after its resume", series: "guests.ready.1" },
    ...both("guests.restore.", (count) =>
      count === 1
        ? []
        : [
            { title: `restore of one of ${count} emulated guests`, series: `guests.restore.${count}` },
            { title: "  first ping after its resume", series: `guests.ping.${count}` },
            { title: "  answers ssh as itself after its resume", series: `guests.ready.${count}` },
            {
              title: "  95 % of them do so within",
              series: `guests.p95.${count}`,
              against: { what: "one clone" as const, series: "guests.ready.1" },
              limit: 3,
            },
            { title: `  all ${count} ready, from the first call on`, series: `guests.all.${count}` },
            { title: "  private memory, per VMM", series: `guests.memory.${count}` },
          ],
    ),
    {
      title: "ready as itself after its resume, each guest alone",
      series: "identity.hornet.turn",
      against: { what: "untold", series: "identity.untold.turn" },
      limit: 1.5,
    },
    {
      title: "  all of them at once",
      series: "identity.hornet.once",
      against: { what: "untold", series: "identity.untold.once" },
      limit: 1.5,
    },
    {
      title: "ready as itself beside a hostile VMM, limited to half a core",
      series: "hostile.limited",
      against: { what: "quiet", series: "hostile.quiet" },
      limit: 2,
    },
    {
      title: "  with the default limits, which limit no CPU time",
      series: "hostile.free",
      against: { what: "quiet", series: "hostile.quiet" },
    },
    {
      title: "up with another value in every guest's environment",
      series: "change.hornet",
      against: { what: "no change", series: "change.same" },
      limit: 2,
    },
  ];
}

/** Rows against another checkout are for runs with `--old` only. */
function isAsked({ against }: Row, series: Readonly<Record<string, Series>>): boolean {
  return against?.what !== "old" || series[against.series] !== undefined;
}

/** The row of a series against the one of another checkout; see `--old`. */
function old(kind: string, count: number): Row[] {
  return [
    {
      title: "  against the old checkout",
      series: `${kind}.hornet.${count}`,
      against: { what: "old", series: `${kind}.old.${count}` },
    },
  ];
}

/** The rows with measurements, and their ratios. */
export function ratios(series: Readonly<Record<string, Series>>): Ratio[] {
  return rowsOf(series)
    .filter((row) => series[row.series] !== undefined && isAsked(row, series))
    .map((row) => {
      const values = series[row.series]?.values ?? [];
      const others = row.against === undefined ? undefined : series[row.against.series]?.values;
      const ratio = others === undefined ? NaN : ratioOf(values, others);
      return { ...row, ratio, met: row.limit === undefined || Number.isNaN(ratio) ? undefined : ratio <= row.limit };
    });
}
