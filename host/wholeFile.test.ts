import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertWhole } from "../scripts/local/stack";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet-whole-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("a disk that is full costs the new content, not the file, and no draft is left", () => {
  const program = `
    const { writeWhole } = require("./host/wholeFile.ts");
    const file = "${folder}/file";
    writeWhole(file, "old");
    try { writeWhole(file, "x".repeat(1 << 20)); } catch (error) { console.log(error.code); }
    console.log(require("fs").readFileSync(file, "utf8"), require("fs").readdirSync("${folder}").join());`;
  // The tmpfs is of a mount namespace that ends with the command.
  const script = 'mount -t tmpfs -o size=64k none "$1" && exec "$2" -r ./register.cjs -e "$3"';
  const argv = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", folder, process.execPath, program];
  expect(execFileSync("unshare", argv, { encoding: "utf8", cwd: join(__dirname, "..") })).toBe("ENOSPC\nold file\n");
});

test("a state that a full disk damaged is named, with the copy that Pulumi keeps", () => {
  const file = join(folder, "local.json");
  writeFileSync(file, "");
  expect(() => assertWhole(file)).toThrow(/local\.json, is damaged[\s\S]*next: remove it/);
  writeFileSync(`${file}.bak`, "{}");
  expect(() => assertWhole(file)).toThrow(`cp '${file}.bak' '${file}'`);
  writeFileSync(file, "{}");
  expect(() => assertWhole(file)).not.toThrow();
});
