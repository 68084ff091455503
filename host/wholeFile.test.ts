import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertBackendWhole, assertWhole } from "../automation/local/stack";
import { writeWhole } from "./wholeFile";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet-whole-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** What a program prints where `folder` is a tmpfs of a mount namespace that ends with it. */
function onTmpfs(mount: string, program: string): string {
  const script = `mount -t tmpfs -o size=64k none "$1" && ${mount} exec "$2" -r ./register.cjs -e "$3"`;
  const code = `const { makeFolder, writeWhole } = require("./host/wholeFile.ts"); const folder = ${JSON.stringify(folder)};
    const { readFileSync, readdirSync } = require("node:fs"); const said = (work) => { try { work(); } catch (error) { console.log(error.name, error.message); } };
    ${program}`;
  const argv = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", folder, process.execPath, code];
  return execFileSync("unshare", argv, { encoding: "utf8", cwd: join(__dirname, "..") });
}

test("a full disk leaves the old file and no draft, and the error says what to do", () => {
  const printed = onTmpfs(
    "",
    `const file = folder + "/file"; writeWhole(file, "old"); said(() => writeWhole(file, "x".repeat(1 << 20)));
    console.log(readFileSync(file, "utf8"), readdirSync(folder).join());`,
  );
  expect(printed).toBe(
    `HornetError ${folder}/file cannot be written: ENOSPC: no space left on device, write\n` +
      "  next: make room there, then run the same command again\nold file\n",
  );
});

test("the error for a read-only folder names it and the variable for another one", () => {
  const printed = onTmpfs(
    `echo old >"$1/file" && mkdir "$1/below" && mount -o remount,ro "$1" &&`,
    `for (const file of ["/file", "/new/deep/file", "/below/deep/file"]) said(() => writeWhole(folder + file, "new"));
    said(() => makeFolder(folder + "/new/deep"));`,
  );
  const reasons = printed.match(
    /HornetError .* cannot be written: EROFS: .*\n {2}next: name a folder .* HORNET_STATE/g,
  );
  expect(reasons).toHaveLength(4);
});

const whole = JSON.stringify({ version: 3, checkpoint: { stack: "organization/hornet/local" } });

test.each([["nothing"], ["half of it"], ["zeros"], ["null"]])(
  "the error for a state that holds %s names it and Pulumi's copy",
  (what) => {
    const file = join(folder, "local.json");
    const damaged = { nothing: "", "half of it": whole.slice(0, 20), zeros: "\0".repeat(64), null: "null" }[what] ?? "";
    writeFileSync(file, damaged);
    expect(() => assertWhole(file)).toThrow(/local\.json, is damaged[\s\S]*next: remove it/);
    writeFileSync(`${file}.bak`, damaged);
    expect(() => assertWhole(file)).toThrow(/next: remove it/);
    writeFileSync(`${file}.bak`, whole);
    expect(() => assertWhole(file)).toThrow(`cp '${file}.bak' '${file}'`);
    writeFileSync(file, whole);
    expect(() => assertWhole(file)).not.toThrow();
  },
);

test("the error names the state of another stack too, where its backend is a local folder", () => {
  const before = process.env.PULUMI_BACKEND_URL;
  const file = join(folder, ".pulumi/stacks/hornet/dev.json");
  writeWhole(file, "{");
  try {
    process.env.PULUMI_BACKEND_URL = `file://${folder}`;
    expect(() => assertBackendWhole("organization/hornet/dev")).toThrow(/stack dev, .*dev\.json, is damaged/);
    expect(() => assertBackendWhole("prod")).not.toThrow();
    process.env.PULUMI_BACKEND_URL = "https://api.pulumi.com";
    expect(() => assertBackendWhole("dev")).not.toThrow();
  } finally {
    if (before === undefined) Reflect.deleteProperty(process.env, "PULUMI_BACKEND_URL");
    else process.env.PULUMI_BACKEND_URL = before;
  }
});
