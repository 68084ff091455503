import type { ObservedJailFault } from "../../model/observed";
import { jailDrift } from "./jailDrift";

const fault = (what: string, path: string, more: Partial<ObservedJailFault> = {}): ObservedJailFault => ({
  what,
  path,
  is: "",
  was: "",
  last: false,
  ...more,
});
const missing = fault("missing", "/dev/kvm");

test.each<
  [
    name: string,
    faults: readonly ObservedJailFault[] | undefined,
    around: readonly string[],
    broken?: readonly string[],
  ]
>([
  ["as its start left it", [], []],
  [
    "changed",
    [missing, fault("mode", "/vm.mem", { is: "666", was: "444" })],
    ["/dev/kvm is missing", "/vm.mem has the mode 666, not 444"],
  ],
  [
    "lost what only a start makes",
    [missing, fault("other", "/vm.mem", { last: true })],
    ["/dev/kvm is missing"],
    ["/vm.mem was replaced"],
  ],
  [
    "changed in many places",
    Array.from({ length: 8 }, (_, at) => fault("added", `/${at}`)),
    ["/0 was added", "/1 was added", "/2 was added", "/3 was added", "/4 was added", "3 more differences"],
  ],
  ["its list lost", [fault("list", "", { last: true })], [], ["the list of what is in it is missing or damaged"]],
  [
    "another user's",
    [fault("uid", "", { is: "0", was: "70000", last: true })],
    [],
    ["the VMM runs as user 0, not 70000"],
  ],
  ["not compared with the list that its record names", undefined, ["it was not compared with its list"]],
  ["a fault of a newer look", [fault("colour", "/x")], ["/x differs (colour)"]],
])("a jail: %s", (_name, jailFaults, around, broken = []) => {
  const seen = jailDrift("vm7", { record: { jail: "listed" }, ...(jailFaults && { jailFaults }) });
  const named = (faults: readonly string[]): string[] => faults.map((words) => `jail of vm7: ${words}`);
  expect(seen).toEqual({ around: named(around), broken: named(broken), silent: false });
});

test("nothing is known of the jail of a VMM that an earlier version started", () => {
  expect(jailDrift("vm7", { record: {} })).toEqual({ around: [], broken: [], silent: false });
});

test("a VMM is silent only where the way to its API alone is lost", () => {
  const silent = (...jailFaults: ObservedJailFault[]): boolean =>
    jailDrift("vm7", { record: { jail: "listed" }, jailFaults }).silent;
  const socket = fault("socket", "/opt/swarm/runtime/vm7/firecracker.sock");
  expect(silent(socket, missing)).toBe(true);
  expect(silent(missing)).toBe(false);
  // Another program in its place has no API at all.
  expect(silent(socket, fault("process", "", { last: true }))).toBe(false);
});
