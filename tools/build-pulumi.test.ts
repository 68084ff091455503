import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);
/** What the set-up runs: it finds a CLI without a shell, and calls build-pulumi.sh where there is none. */
const finder = join(__dirname, "../scripts/setup/pulumi.mjs");
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hornet-pulumi-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A PATH on which the named commands do what their scripts say, before the ordinary tools of the system. */
async function pathWith(commands: Record<string, string>): Promise<string> {
  const bin = join(folder, "bin");
  await mkdir(bin);
  for (const [name, body] of Object.entries(commands)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${body}\n`);
    await chmod(join(bin, name), 0o755);
  }
  return `${bin}:/usr/bin:/bin`;
}

async function build(commands: Record<string, string>): Promise<{ stdout: string; stderr: string; code: number }> {
  const env = { PATH: await pathWith(commands), HOME: folder, HORNET_CACHE: join(folder, "cache") };
  return exec(process.execPath, [finder], { env }).then(
    ({ stdout, stderr }) => ({ stdout, stderr, code: 0 }),
    (error: unknown) => error as { stdout: string; stderr: string; code: number },
  );
}

/** What the set-up finds without a shell. */
async function find(env: NodeJS.ProcessEnv): Promise<{ stdout: string; stderr: string }> {
  return exec(process.execPath, [finder], { env });
}

test("a recent pulumi on PATH is used with its own language host", async () => {
  const found = await build({ pulumi: "echo v3.230.0", "pulumi-language-nodejs": "" });
  expect(found).toMatchObject({ code: 0, stderr: "", stdout: `${join(folder, "bin")}\n` });
  const env = { HOME: folder, HORNET_CACHE: join(folder, "cache"), PATH: join(folder, "bin") };
  expect(await find(env)).toEqual({ stdout: `${join(folder, "bin")}\n`, stderr: "" });
});

test.each([
  [
    "an old pulumi",
    { pulumi: "echo v3.229.9", "pulumi-language-nodejs": "", go: "echo go1.24.1" },
    /older than 3\.230/,
  ],
  ["an older major version", { pulumi: "echo v2.300.0", go: "echo go1.24.1" }, /older than 3\.230/],
  ["a pulumi without language host", { pulumi: "echo v3.300.0", go: "echo go1.24.1" }, /no pulumi-language-nodejs/],
  ["an old Go", { pulumi: "exit 1", go: "echo go1.24.1" }, /nor Go of at least 1\.25 is on PATH/],
])("%s is refused with what to install", async (_, commands, message) => {
  const { code, stdout, stderr } = await build(commands);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr).toContain("Install one of the two");
});

/** A Go that knows a module's folder once it was fetched, lists two packages and "compiles" by writing what the result prints; `exit` is how the build ends. */
const fakeGo = (exit: number): string => `
case "$1" in
  env) echo go1.25.0 ;;
  mod) mv "$HOME/not-fetched" "$HOME/sdk" 2>/dev/null; exit 0 ;;
  list) case "$*" in *" -m "*) [ ! -d "$HOME/sdk" ] || echo "$HOME/sdk" ;; *) echo one; echo two ;; esac ;;
  build)
    echo one >&2
    while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
    [ ${exit} = 0 ] && printf '#!/bin/sh\\n' > "$out" && chmod +x "$out"
    [ ${exit} = 0 ] || echo 'undefined: thing (here)' >&2
    exit ${exit} ;;
esac`;

/** Pulumi's SDK, as far as the build looks at it; Go has its folder once it was fetched. */
async function fakeSdk(): Promise<void> {
  const sdk = join(folder, "not-fetched");
  await mkdir(join(sdk, "nodejs/dist"), { recursive: true });
  await writeFile(join(sdk, "nodejs/dist/pulumi-resource-pulumi-nodejs"), "");
  await mkdir(join(sdk, "go/common/util/logging"), { recursive: true });
  await writeFile(join(sdk, "go/common/util/logging/log.go"), "\tmsg = fmt.Sprintf(r.Message, fmtArgs...)\n");
}

test("a build is cached, and a second call builds nothing", async () => {
  await fakeSdk();
  const first = await build({ pulumi: "exit 1", go: fakeGo(0) });
  expect(first.stdout).toMatch(/\/cache\/pulumi\/[0-9a-f]{16}\/bin\n$/);
  expect(first.stderr).toContain("pulumi, packages compiled: 1, done");
  const { stdout } = await exec("ls", [first.stdout.trim()]);
  expect(stdout).toBe("pulumi\npulumi-language-nodejs\npulumi-resource-pulumi-nodejs\n");
  await rm(join(folder, "bin"), { recursive: true });
  expect(await build({ pulumi: "exit 1", go: "exit 9" })).toMatchObject({ code: 0, stdout: first.stdout, stderr: "" });
  // The set-up finds it without a shell, also beside a CLI that is too old.
  const cached = { HOME: folder, HORNET_CACHE: join(folder, "cache") };
  expect(await find({ ...cached, PATH: "" })).toEqual({ stdout: first.stdout, stderr: "" });
  await rm(join(folder, "bin"), { recursive: true });
  const old = await pathWith({ pulumi: "echo v3.229.9" });
  expect(await find({ ...cached, PATH: old })).toEqual({
    stdout: first.stdout,
    stderr: `pulumi: ${join(folder, "bin/pulumi")} is v3.229.9, older than 3.230: not used\n`,
  });
});

test("a failed build shows the compiler's output and leaves no partial result", async () => {
  await fakeSdk();
  const { code, stdout, stderr } = await build({ pulumi: "exit 1", go: fakeGo(1) });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("undefined: thing (here)");
  expect((await exec("ls", ["-A", join(folder, "cache/pulumi")])).stdout).toBe("");
});
