/** An agent's files in the disk of a boot. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "hornet-agent-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function putAgent(): { code: number | null; said: string } {
  const library = join(__dirname, "..");
  const script = `. ${library}/core/common.sh; . ${library}/artifact/agent.sh; put_agent "$1/image" "$1/agent"`;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script, "bash", scratch], { encoding: "utf8" });
  return { code: status, said: stdout + stderr };
}

function debugfs(command: string): string {
  return execFileSync("debugfs", ["-R", command, join(scratch, "image")], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
}

beforeEach(() => {
  execFileSync("mke2fs", ["-q", "-t", "ext4", join(scratch, "image"), "8M"], { stdio: "ignore" });
  mkdirSync(join(scratch, "agent/shared"), { recursive: true });
  chmodSync(join(scratch, "agent/shared"), 0o2775);
});

test("files, folders and links of any mode and name arrive unchanged, and the file system is intact", () => {
  const names = ["a b", " before", 'quo"te', "back\\slash", "é日", "-dash", "*"];
  for (const name of names) writeFileSync(join(scratch, "agent/shared", name), name);
  writeFileSync(join(scratch, "agent/run"), "run");
  chmodSync(join(scratch, "agent/run"), 0o4755);
  symlinkSync("shared/a b", join(scratch, "agent/link"));
  symlinkSync("run", join(scratch, "agent/-link"));
  expect(putAgent()).toEqual({ code: 0, said: "" });
  expect(debugfs("stat /opt/hornet-agent/run")).toMatch(/Type: regular +Mode: +04755/);
  expect(debugfs("stat /opt/hornet-agent/shared")).toMatch(/Type: directory +Mode: +02775/);
  expect(debugfs("stat /opt/hornet-agent/link")).toContain('Fast link dest: "shared/a b"');
  mkdirSync(join(scratch, "back"));
  debugfs(`rdump /opt/hornet-agent/shared ${scratch}/back`);
  const back = execFileSync("find", [join(scratch, "back/shared"), "-type", "f", "-printf", "%P\\0"], {
    encoding: "utf8",
  });
  expect(back.split("\0").filter(Boolean).sort()).toEqual(names.sort());
  expect(spawnSync("e2fsck", ["-fn", join(scratch, "image")]).status).toBe(0);
});

test.each(["new\nline", "behind "])("a name that debugfs cannot take is refused: %j", (name) => {
  writeFileSync(join(scratch, "agent", name), "x");
  const { code, said } = putAgent();
  expect(code).not.toBe(0);
  expect(said).toContain("the agent has a file whose name debugfs cannot be told: ");
});
