import type { ObservedJailFault, ObservedVm } from "../../model/observed";

/** As many faults of a jail are named; a folder that was opened to others may have hundreds. */
const MOST = 5;

/** How the jail of a running VMM differs from what it was when the VMM had started. */
export interface JailDrift {
  /** Only another start repairs these. */
  readonly broken: readonly string[];
  /** The VMM keeps running while these are repaired. */
  readonly around: readonly string[];
  /** The VMM that was started in it runs, but Hornet has lost the way to its API. */
  readonly silent: boolean;
}

/** A VMM of an earlier version has no list, which its launch record shows: nothing is known of its jail. */
export function jailDrift(
  namespace: string,
  { record, jailFaults: faults }: Pick<ObservedVm, "record" | "jailFaults">,
): JailDrift {
  if (record.jail !== "listed") return { broken: [], around: [], silent: false };
  // The repair compares again. A list that is missing is a fault in itself.
  if (faults === undefined)
    return { broken: [], around: [`jail of ${namespace}: it was not compared with its list`], silent: false };
  const of = (last: boolean): string[] =>
    shorten(
      namespace,
      faults.filter((one) => one.last === last),
    );
  const broken = of(true);
  return { broken, around: of(false), silent: broken.length === 0 && faults.some(({ what }) => what === "socket") };
}

function shorten(namespace: string, faults: readonly ObservedJailFault[]): string[] {
  const named = faults.slice(0, MOST).map((one) => `jail of ${namespace}: ${words(one)}`);
  return faults.length > MOST ? [...named, `jail of ${namespace}: ${faults.length - MOST} more differences`] : named;
}

function words({ what, path, is, was }: ObservedJailFault): string {
  switch (what) {
    case "missing":
      return `${path} is missing`;
    case "other":
      return `${path} was replaced`;
    case "mode":
      return `${path} has the mode ${is}, not ${was}`;
    case "owner":
      return `${path} belongs to ${is}, not to ${was}`;
    case "added":
      return `${path} was added`;
    case "socket":
      return `its API socket ${path} is missing`;
    case "link":
      return `the link ${path} is missing`;
    case "list":
      return "the list of what is in it is missing or damaged";
    case "process":
      return "the VMM is not the process that was started in it";
    case "chroot":
      return "the VMM runs in another folder";
    case "uid":
      return `the VMM runs as user ${is}, not ${was}`;
    case "gid":
      return `the VMM runs as group ${is}, not ${was}`;
    case "groups":
      return `the VMM has the further groups ${is}`;
    case "capabilities":
      return "the VMM has capabilities";
    default:
      return `${path} differs (${what})`;
  }
}
