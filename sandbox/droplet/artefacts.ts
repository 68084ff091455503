import { spawn } from "node:child_process";
import { access, constants, realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { checkout } from "./paths";

/** The files that appear in a droplet: absolute paths on this machine, null for none. */
export interface Artefacts {
  readonly firecracker: string | null;
  readonly kernel: string | null;
  readonly rootfs: string | null;
}

/** The request: a path, `none`, or nothing for this checkout's own build. */
export type ArtefactChoice = { readonly [key in keyof Artefacts]?: string | undefined };

const sources = {
  firecracker: { script: "sandbox/vmm/build.sh", file: "firecracker" },
  kernel: { script: "guest/build-kernel.sh", file: "vmlinux" },
  rootfs: { script: "guest/build-image.sh", file: "rootfs.ext4" },
} as const;

/** Runs a build script of this checkout; it prints nothing but the folder of its results on stdout. */
function build(script: string): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(resolve(checkout, script), { stdio: ["ignore", "pipe", "inherit"] });
    let folder = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (folder += text));
    child.on("error", (error) => fail(new Error(`${script} could not be started: ${error.message}`)));
    child.on("close", (code) => {
      if (code === 0) done(folder.trim());
      else fail(new Error(`${script} failed with exit code ${code ?? 128}; see its output above.`));
    });
  });
}

async function resolveOne(key: keyof Artefacts, choice: string | undefined): Promise<string | null> {
  if (choice === "none") return null;
  const { script, file } = sources[key];
  const path = choice === undefined ? resolve(await build(script), file) : resolve(choice);
  await access(path, key === "firecracker" ? constants.X_OK : constants.R_OK).catch(() => {
    throw new Error(`--${key}: ${path} is not ${key === "firecracker" ? "an executable" : "a readable"} file.`);
  });
  return realpath(path);
}

/**
 * The VMM, kernel and root file system of a droplet: those of the choice, or this checkout's own builds.
 * @throws where a chosen path does not exist or a build fails
 */
export async function resolveArtefacts(choice: ArtefactChoice): Promise<Artefacts> {
  return {
    firecracker: await resolveOne("firecracker", choice.firecracker),
    kernel: await resolveOne("kernel", choice.kernel),
    rootfs: await resolveOne("rootfs", choice.rootfs),
  };
}
