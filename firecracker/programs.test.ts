import { jailerFor } from "./jailer";
import {
  atLeast,
  compareVersions,
  newestOf,
  parsePrograms,
  programFor,
  readsFormat,
  unreadable,
  type Program,
} from "./programs";

const old = { version: "1.16.1", format: "10.0.0", path: "/opt/fc/firecracker-v1.16.1-x86_64" };
const patched = { version: "1.16.3", format: "11.0.0", path: "/opt/fc/firecracker-v1.16.3-x86_64" };
const unknown = { version: "2.31.0", format: "57.3.0", path: "/opt/fc/new" };
const silent = { version: "1.5.0", format: "", path: "/opt/fc/old" };

test("parsePrograms reads programs, and paths without one", () => {
  expect(parsePrograms("1.16.1 10.0.0 /opt/a b\n1.5.0 - /opt/old\n- - /opt/none\nnonsense\n")).toEqual({
    jailers: [],
    found: [
      { version: "1.16.1", format: "10.0.0", path: "/opt/a b" },
      { version: "1.5.0", format: "", path: "/opt/old" },
    ],
    missing: ["/opt/none"],
  });
});

test.each([
  ["1.16.1", "1.16.2", -1],
  ["1.9.0", "1.10.0", -1],
  ["1.17.0-dev", "1.17.0", -1],
  ["1.17.0", "1.17.0", 0],
  ["2.0.0", "1.99.9", 1],
])("%s against %s: %d", (one, other, expected) => {
  expect(Math.sign(compareVersions(one, other))).toBe(expected);
});

test("a pre-release reads the snapshots of its release", () => {
  expect(atLeast("1.17.0-dev", "1.17")).toBe(true);
});

test("a program reads formats of its major number up to its minor number, also in unknown versions", () => {
  expect(readsFormat(old, "10.0.0")).toBe(true);
  expect(readsFormat(old, "10.1.0")).toBe(false);
  expect(readsFormat(unknown, "57.1.0")).toBe(true);
  expect(readsFormat(unknown, "56.9.0")).toBe(false);
  expect(readsFormat(silent, "10.0.0")).toBeUndefined();
  expect(readsFormat(old, "")).toBeUndefined();
});

test("a snapshot runs on the newest program that reads it, the first of equal ones; on one without a format only as a last resort", () => {
  const all = [silent, old, patched, unknown];
  expect(programFor(all, "10.0.0")).toBe(old);
  expect(programFor(all, "57.3.0")).toBe(unknown);
  expect(programFor(all, "12.0.0")).toBe(silent);
  expect(programFor([old, unknown], "12.0.0")).toBeUndefined();
  const twin = { ...old, path: "/opt/twin" };
  expect(programFor([old, twin], "10.0.0")).toBe(old);
  expect(programFor([twin, old], "10.0.0")).toBe(twin);
  expect(newestOf(all)).toBe(unknown);
  expect(newestOf([])).toBeUndefined();
});

test("a format that no program reads is reported with the next step", () => {
  const words = unreadable([unknown], "10.0.0");
  expect(words).toContain("Firecracker 2.31.0 reads snapshot format 57.3.0, but the snapshot has 10.0.0, which needs");
  expect(words).toContain("hornet:snapshot.boot");
  expect(words).toContain("hornet:vmm.firecracker: [/opt/fc/new, …]");
});

test("a jailer is recognised by its first word, and belongs to a program by its version or the configured path", () => {
  const programs = parsePrograms(
    "1.16.1 10.0.0 /opt/a/firecracker\njailer 1.16.1 /opt/a/jailer\n1.17.0 12.0.0 /opt/b/firecracker\njailer 1.15.0 /opt/b/jailer\n",
  );
  const [one, other] = programs.found as [Program, Program];
  expect(programs.found).toHaveLength(2);
  expect(jailerFor(programs, one, "auto")).toEqual({ version: "1.16.1", path: "/opt/a/jailer" });
  expect(jailerFor(programs, other, "auto")).toBeUndefined();
  expect(jailerFor(programs, other, "/opt/b/jailer")).toEqual({ version: "1.15.0", path: "/opt/b/jailer" });
  expect(jailerFor(programs, one, "off")).toBeUndefined();
});
