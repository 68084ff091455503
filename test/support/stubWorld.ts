import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { scratchVmm } from "./scratchVmm";
import { World, droplet } from "./world";

/** A world whose VMM is the stub, so that clones cost next to nothing. */
export interface StubWorld {
  readonly world: World;
  readonly end: () => Promise<void>;
}

/** @param count how many clones its config declares */
export async function beginStubWorld(count: number): Promise<StubWorld> {
  const vmm = scratchVmm();
  const [kernel, rootfs] = [join(vmm.folder, "kernel"), join(vmm.folder, "rootfs")];
  writeFileSync(kernel, "\x7fELF\x02\x01\x01".padEnd(4096, "k"));
  writeFileSync(rootfs, "disk".padEnd(1 << 16, "d"));
  const world = await World.begin("--firecracker", vmm.path, "--kernel", kernel, "--rootfs", rootfs);
  copyFileSync(join(vmm.folder, "stub"), join(dropletPaths(droplet).opt, "stub"));
  await world.configure({
    "hornet:fleet.count": count,
    "hornet:fleet.readyTimeout": 0,
    "hornet:guest.identity": "service",
    "hornet:snapshot.boot.memory": 16,
  });
  return {
    world,
    end: async () => {
      await world.end();
      rmSync(vmm.folder, { recursive: true, force: true });
    },
  };
}
