/** One stack on several simulated droplets, with the VMM stub, so that clones cost next to nothing. */
import { copyFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { scratchVmm } from "./scratchVmm";
import { Stacks } from "./stacks";

/** The stack's name. */
export const MANY = "many";

/** A stack on several droplets. */
export interface ManyDroplets {
  readonly stacks: Stacks;
  /** Writes the stack's config: each droplet's own keys, and the sections of all. */
  readonly configure: (droplets: Readonly<Record<string, object>>, sections?: Sections) => void;
  readonly end: () => Promise<void>;
}

type Sections = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Starts the droplets and makes the stack. */
export async function beginManyDroplets(...names: readonly string[]): Promise<ManyDroplets> {
  const vmm = scratchVmm();
  const [kernel, rootfs] = [join(vmm.folder, "kernel"), join(vmm.folder, "rootfs")];
  writeFileSync(kernel, "\x7fELF\x02\x01\x01".padEnd(4096, "k"));
  // Larger than the least limit of file sizes, so that a test can forbid a clone its disk.
  writeFileSync(rootfs, "disk".padEnd(1 << 16, "d"));
  truncateSync(rootfs, 9 << 20);
  const stacks = await Stacks.beginWith({ firecracker: vmm.path, kernel, rootfs }, names, [MANY]);
  for (const name of names) copyFileSync(join(vmm.folder, "stub"), join(dropletPaths(name).opt, "stub"));
  return {
    stacks,
    configure: (droplets, sections = {}) =>
      stacks.configure(MANY, {
        ...sections,
        droplet: {},
        droplets: Object.fromEntries(
          Object.entries(droplets).map(([name, own]) => [name, { simulated: name, ...own }]),
        ),
        guest: { identity: "service" },
        fleet: { readyTimeout: 0, ...sections.fleet },
        snapshot: sections.snapshot ?? { boot: { memory: 16 } },
      }),
    end: async () => {
      await stacks.end();
      rmSync(vmm.folder, { recursive: true, force: true });
    },
  };
}
