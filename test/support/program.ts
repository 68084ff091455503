import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import type { Captured } from "../../host/exec";
import { run, succeed } from "./run";
import type { ScratchDroplet } from "./scratchDroplet";

const checkout = resolve(__dirname, "../..");

/** A program of a user's own, with Hornet as a package, and its stack `dev`. */
export interface Program {
  /** Writes the stack's config, below the key `t:program`. */
  readonly configure: (config: object) => void;
  /** `pulumi ARGUMENT… -s dev`, which must succeed. */
  readonly pulumi: (...args: string[]) => Promise<string>;
  /** The same, whatever comes of it. */
  readonly tryPulumi: (...args: string[]) => Promise<Captured>;
}

/** @param source the program, in JavaScript */
export async function beginProgram(droplet: ScratchDroplet, source: string): Promise<Program> {
  const folder = join(droplet.folder, "program");
  for (const one of [folder, join(folder, "node_modules"), join(droplet.folder, "backend")]) mkdirSync(one);
  writeFileSync(join(folder, "index.js"), source);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "t", main: "index.js" }));
  writeFileSync(join(folder, "Pulumi.yaml"), stringify({ name: "t", runtime: "nodejs" }));
  symlinkSync(join(checkout, "node_modules/@pulumi"), join(folder, "node_modules/@pulumi"));
  symlinkSync(checkout, join(folder, "node_modules/hornet"));
  const env = {
    ...process.env,
    PULUMI_BACKEND_URL: `file://${join(droplet.folder, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: "of tests",
  };
  const argv = (args: readonly string[]): [string, ...string[]] => [
    "npm",
    ...["run", "--silent", "pulumi", "--", "--cwd", folder, ...args, "-s", "dev"],
  ];
  const options = { cwd: checkout, env, limit: 120_000 };
  const pulumi = (...args: string[]): Promise<string> => succeed(argv(args), options);
  await pulumi("stack", "init", "--no-select");
  return {
    configure: (config) => {
      const file = join(folder, "Pulumi.dev.yaml");
      const [salt = ""] = existsSync(file) ? (/^encryptionsalt.*$/m.exec(readFileSync(file, "utf8")) ?? []) : [];
      writeFileSync(file, `${salt}\n${stringify({ config: { "t:program": config } })}`);
    },
    pulumi,
    tryPulumi: (...args) => run(argv(args), options),
  };
}
