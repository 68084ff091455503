import { judgeVmLimits, missingController, type DeclaredLimits } from "./vmLimits";

const facts = (given: Readonly<Record<string, string>>): ReadonlyMap<string, string> => new Map(Object.entries(given));
const ALL = { cgroups: "cpu memory pids", cgroup_version: "2", cgroup_unified: "cpu memory pids io" };

function warnings(
  declared: readonly DeclaredLimits[],
  guest: number,
  given: Readonly<Record<string, string>>,
): string[] {
  const said: string[] = [];
  judgeVmLimits(facts(given), declared, guest, { warn: (text) => void said.push(text) });
  return said;
}

test.each<[string, readonly DeclaredLimits[], number, readonly (string | RegExp)[]]>([
  ["no limits", [], 128, []],
  ["a limit that is enough", [{ key: "hornet:vmm.limits", memory: 136 }], 128, []],
  ["a snapshot of unknown memory", [{ key: "hornet:vmm.limits", memory: 16 }], 0, []],
  [
    "a limit below the guest and its VMM",
    [
      { key: "hornet:vmm.limits", memory: 135 },
      { key: "hornet:clones.3.limits", memory: 512 },
      { key: "hornet:clones.4.limits", memory: 64 },
    ],
    128,
    [
      "hornet:vmm.limits.memory is 135 MiB; a guest of the snapshot has 128 MiB, and its VMM needs 8 MiB: the kernel ends the VMM once its guest uses its memory. Set it to 136 or more",
      /^hornet:clones\.4\.limits\.memory is 64 MiB/,
    ],
  ],
])("memory: %s", (_name, declared, guest, expected) => {
  const match = (one: string | RegExp): unknown => (typeof one === "string" ? one : expect.stringMatching(one));
  expect(warnings(declared, guest, ALL)).toEqual(expected.map(match));
});

test("each controller that a limit needs is named once, by the key that declares the limit", () => {
  const declared = [{ key: "hornet:clones.1.limits", cpus: 1, memory: 512 }];
  const given = { cgroups: "", cgroup_version: "2", cgroup_unified: "cpu memory pids" };
  expect(warnings(declared, 128, given)).toEqual([
    expect.stringMatching(
      /^hornet:clones\.1\.limits\.cpus limits nothing: the droplet offers no cgroup controller cpu:/,
    ),
    expect.stringMatching(/^hornet:clones\.1\.limits\.memory limits nothing: .* controller memory:/),
    expect.stringMatching(/^hornet:vmm\.limits\.pids limits nothing: .* controller pids:/),
  ]);
  // Without a declared limit of memory, a droplet without that controller lacks nothing.
  expect(warnings([], 128, { ...ALL, cgroups: "cpu pids" })).toEqual([]);
  expect(warnings(declared, 128, {})).toEqual([]);
});

test.each<[string, Readonly<Record<string, string>>, RegExp | undefined]>([
  ["version 2 has it", ALL, undefined],
  ["version 1 has it", { cgroups: "memory", cgroup_version: "1" }, undefined],
  ["an earlier answer without this fact", {}, undefined],
  [
    "the command line of the kernel disables it",
    { cgroups: "cpu", cgroup_version: "1", cgroup_kernel: "cpu:3:1 memory:0:0" },
    /booted without it; replace cgroup_disable=memory by cgroup_enable=memory in GRUB_CMDLINE_LINUX/,
  ],
  [
    "version 2, and version 1 holds it",
    { cgroups: "cpu", cgroup_version: "2", cgroup_unified: "cpu", cgroup_kernel: "cpu:0:1 memory:4:1" },
    /a mount of version 1 of cgroups has it; boot with systemd\.unified_cgroup_hierarchy=1$/,
  ],
  [
    "version 2 in a container",
    { cgroups: "", cgroup_version: "2", cgroup_unified: "cpu memory", cgroup_kernel: "memory:0:1" },
    /Hornet may not write to its root of cgroups/,
  ],
  [
    "version 2 of a kernel without it",
    { cgroups: "cpu", cgroup_version: "2", cgroup_unified: "cpu", cgroup_kernel: "cpu:0:1" },
    /its kernel has none; install the distribution's own kernel$/,
  ],
  [
    "both versions, the second has it",
    { cgroups: "cpu", cgroup_version: "1", cgroup_unified: "memory", cgroup_kernel: "cpu:2:1 memory:0:1" },
    /a mix of both versions of cgroups, whose second has it; boot with systemd\.unified_cgroup_hierarchy=1$/,
  ],
  [
    "version 1 that nothing mounts",
    { cgroups: "cpu", cgroup_version: "1", cgroup_kernel: "cpu:2:1 memory:0:1" },
    /mkdir -p \/sys\/fs\/cgroup\/memory && mount -t cgroup -o memory cgroup \/sys\/fs\/cgroup\/memory$/,
  ],
  [
    "version 1 in a container",
    { cgroups: "cpu", cgroup_version: "1", cgroup_kernel: "cpu:2:1 memory:5:1" },
    /Hornet may not write to \/sys\/fs\/cgroup\/memory, as in most containers$/,
  ],
  [
    "version 1 of a kernel without it",
    { cgroups: "cpu", cgroup_version: "1", cgroup_kernel: "cpu:2:1" },
    /its kernel has none/,
  ],
])("%s", (_name, given, words) => {
  const reason = missingController(facts(given), "memory");
  if (words === undefined) expect(reason).toBeUndefined();
  else expect(reason).toMatch(words);
});
