import { judgeLimits, LIMIT_KEYS, limitDrift, raisedText, type Load, type Raise } from "./limits";

/** The usual values of a machine with 8 GB. */
const USUAL: Readonly<Record<string, string>> = {
  tasks: "200",
  open_files: "1200",
  namespaces: "0",
  "limit.kernel.pid_max": "32768 w",
  "limit.kernel.threads-max": "62000 w",
  "limit.fs.file-max": "9223372036854775807 w",
  "limit.user.max_net_namespaces": "31000 w",
  "limit.user.max_mnt_namespaces": "31000 w",
  "limit.net.ipv4.neigh.default.gc_thresh1": "128 w",
  "limit.net.ipv4.neigh.default.gc_thresh2": "512 w",
  "limit.net.ipv4.neigh.default.gc_thresh3": "1024 w",
  "limit.net.ipv6.neigh.default.gc_thresh1": "128 w",
  "limit.net.ipv6.neigh.default.gc_thresh2": "512 w",
  "limit.net.ipv6.neigh.default.gc_thresh3": "1024 w",
  "limit.net.netfilter.nf_conntrack_max": "65536 w",
};

interface Judged {
  readonly raises: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

function judged(load: Load, other: Readonly<Record<string, string>> = {}): Judged {
  const faults: string[] = [];
  const warnings: string[] = [];
  const say = { fault: (text: string) => void faults.push(text), warn: (text: string) => void warnings.push(text) };
  const raises = judgeLimits(new Map(Object.entries({ ...USUAL, ...other })), load, say);
  return { raises: Object.fromEntries(raises.map(({ key, to }: Raise) => [key, to])), faults, warnings };
}

const fleet = (count: number): Load => ({ newClones: count, allClones: count });

test("the table above has every limit", () => {
  const known = Object.keys(USUAL).filter((key) => key.startsWith("limit."));
  expect(known.map((key) => key.slice("limit.".length)).sort()).toEqual([...LIMIT_KEYS].sort());
});

test.each([0, 1, 10, 48])("%i clones need nothing of a usual machine", (count) => {
  expect(judged(fleet(count))).toEqual({ raises: {}, faults: [], warnings: [] });
});

test("250 clones need larger neighbour tables, in the kernel's own proportion", () => {
  expect(judged(fleet(250)).raises).toEqual({
    "net.ipv4.neigh.default.gc_thresh1": 256,
    "net.ipv4.neigh.default.gc_thresh2": 1024,
    "net.ipv4.neigh.default.gc_thresh3": 2048,
    "net.ipv6.neigh.default.gc_thresh1": 1024,
    "net.ipv6.neigh.default.gc_thresh2": 4096,
    "net.ipv6.neigh.default.gc_thresh3": 8192,
  });
});

test("clones of other stacks count for what all share, and not for what is still to be started", () => {
  const load = { newClones: 1, allClones: 500 };
  const { raises } = judged(load, { "limit.kernel.pid_max": "470 w" });
  expect(raises).toMatchObject({ "net.ipv4.neigh.default.gc_thresh3": 4096, "net.netfilter.nf_conntrack_max": 131072 });
  expect(raises).not.toHaveProperty("kernel.pid_max");
});

test("what cannot be raised is a fault where nothing would start, else a warning, each with what to type", () => {
  const { raises, faults, warnings } = judged(fleet(250), {
    "limit.kernel.pid_max": "1000 r",
    "limit.net.ipv4.neigh.default.gc_thresh3": "1024 r",
  });
  expect(faults).toEqual([
    "kernel.pid_max is 1000; with 250 clones on the droplet it must be 2456, and it cannot be raised from here: " +
      "sysctl -w kernel.pid_max=4096",
  ]);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("sysctl -w net.ipv4.neigh.default.gc_thresh3=2048");
  expect(Object.keys(raises)).not.toContain("kernel.pid_max");
});

test("a limit that cannot be read limits nothing", () => {
  expect(judged(fleet(500), Object.fromEntries(Object.keys(USUAL).map((key) => [key, ""]))).raises).toEqual({});
});

test("drift of what was raised, in words", () => {
  const facts = new Map([
    ["raised.kernel.pid_max", "400 2048"],
    ["limit.kernel.pid_max", "512 w"],
    ["raised.fs.file-max", "1000 4096"],
    ["limit.fs.file-max", "8192 w"],
  ]);
  const text = "kernel.pid_max 400 2048\nfs.file-max 1000 4096\n";
  expect(raisedText(facts)).toBe(text);
  expect(limitDrift(facts, text)).toEqual(["kernel.pid_max is 512, raised to 2048 before"]);
  expect(limitDrift(new Map(), text)).toEqual(["the record of the raised limits is missing"]);
  expect(limitDrift(new Map(), "")).toEqual([]);
});
