import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);
const script = join(__dirname, "complete-lock.mjs");
const checkout = join(__dirname, "../..");

test("the script adds packages of other systems once, with their systems, and changes nothing else", async () => {
  const folder = await mkdtemp(join(tmpdir(), "hornet-lock-"));
  try {
    const file = join(folder, "package-lock.json");
    const linux = { version: "1.2.3", integrity: "sha512-a", os: ["linux"], optional: true };
    const native = {
      version: "1.2.3",
      dev: true,
      optionalDependencies: {
        "@n/linux-x64-gnu": "1.2.3",
        "@n/darwin-arm64": "1.2.3",
        "@n/linux-arm-musleabihf": "1.2.3",
      },
    };
    const packages = { "": {}, "node_modules/@n/linux-x64-gnu": linux, "node_modules/native": native };
    await writeFile(file, JSON.stringify({ lockfileVersion: 3, packages }));
    await exec(process.execPath, [script, file]);
    const completed = await readFile(file, "utf8");
    expect(JSON.parse(completed)).toEqual({
      lockfileVersion: 3,
      packages: {
        ...packages,
        "node_modules/@n/darwin-arm64": { version: "1.2.3", cpu: ["arm64"], os: ["darwin"], dev: true, optional: true },
        "node_modules/@n/linux-arm-musleabihf": {
          version: "1.2.3",
          cpu: ["arm"],
          libc: ["musl"],
          os: ["linux"],
          dev: true,
          optional: true,
        },
      },
    });
    await exec(process.execPath, [script, file]);
    expect(await readFile(file, "utf8")).toBe(completed);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("this checkout's lock is complete, so that npm ci accepts it on every system", async () => {
  const folder = await mkdtemp(join(tmpdir(), "hornet-lock-"));
  try {
    const file = join(folder, "package-lock.json");
    await writeFile(file, await readFile(join(checkout, "package-lock.json")));
    const { stderr } = await exec(process.execPath, [script, file]);
    expect(stderr).toContain("is complete");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
