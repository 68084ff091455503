/** What the stand-in for the plugin of @pulumi/command does with a change, so that stories on it tell what the real one would do. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { installCommandPlugin } from "../support/commandLauncher";
import { succeed } from "../support/run";
import { scratchDroplet, type ScratchDroplet } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";

jest.setTimeout(limitMs(300));

const checkout = resolve(__dirname, "../..");

let droplet: ScratchDroplet;
beforeEach(async () => {
  droplet = await scratchDroplet();
});
afterEach(async () => {
  await droplet.end();
});

/** One step here and the same one on the droplet, as the config tells them. */
const program = `
const { local, remote } = require("@pulumi/command");
const pulumi = require("@pulumi/pulumi");
const { step, connection } = new pulumi.Config("t").requireObject("steps");
exports.here = new local.Command("here", step).stdout;
exports.there = new remote.Command("there", { ...step, connection }).stdout;
`;

/** A program with a stack of its own; what it gives brings it up with these steps, and back to nothing without. */
function begin(): (steps?: object) => Promise<void> {
  const folder = join(droplet.folder, "program");
  for (const one of [folder, join(droplet.folder, "backend")]) mkdirSync(one);
  writeFileSync(join(folder, "index.js"), program);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "t", main: "index.js" }));
  writeFileSync(join(folder, "Pulumi.yaml"), stringify({ name: "t", runtime: "nodejs" }));
  symlinkSync(join(checkout, "examples/steps/node_modules"), join(folder, "node_modules"));
  const env = {
    ...process.env,
    PATH: `${installCommandPlugin(droplet.folder)}:${process.env.PATH ?? ""}`,
    PULUMI_BACKEND_URL: `file://${join(droplet.folder, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: "of tests",
  };
  const pulumi = (...args: string[]): Promise<string> =>
    succeed(["npm", "run", "--silent", "pulumi", "--", "--cwd", folder, ...args], {
      cwd: checkout,
      env,
      limit: 120_000,
    });
  let made = false;
  return async (steps) => {
    if (!made) await pulumi("stack", "init", "dev");
    made = true;
    if (steps === undefined) {
      await pulumi("destroy", "--yes", "--skip-preview", "-s", "dev");
      return;
    }
    const file = join(folder, "Pulumi.dev.yaml");
    const [salt = ""] = existsSync(file) ? (/^encryptionsalt.*$/m.exec(readFileSync(file, "utf8")) ?? []) : [];
    writeFileSync(file, `${salt}\n${stringify({ config: { "t:steps": steps } })}`);
    await pulumi("up", "--yes", "--skip-preview", "-s", "dev");
  };
}

test("a changed command or connection updates, a changed trigger replaces, and what did not change runs nothing", async () => {
  const up = begin();
  const log = join(droplet.folder, "steps");
  /** A command that says a word, and notes it where it runs, with what was said before. */
  const say = (word: string): string =>
    `mkdir -p ${droplet.folder}; echo "${word}\${PULUMI_COMMAND_STDOUT:+ after $PULUMI_COMMAND_STDOUT}" >>${log}; echo ${word}`;
  const { host, port, user, hostKey, privateKeyPath = "" } = droplet.connection;
  const key = readFileSync(privateKeyPath, "utf8");
  const connection = { host, port, user, hostKey, privateKey: key };
  /** What was noted since the last look: here, and on the droplet. */
  const noted = async (): Promise<{ here: string; there: string }> => {
    const here = existsSync(log) ? readFileSync(log, "utf8").trim() : "";
    const there = (await droplet.run(`cat ${log} 2>/dev/null || :; rm -f ${log}`)).trim();
    rmSync(log, { force: true });
    return { here, there };
  };
  const step = { create: say("made"), delete: say("gone"), triggers: ["1"] };

  await up({ step, connection });
  expect(await noted()).toEqual({ here: "made", there: "made" });
  await up({ step, connection });
  expect(await noted()).toEqual({ here: "", there: "" });

  // Without an update of its own, the create runs again.
  const again = { ...step, create: say("made-again") };
  await up({ step: again, connection });
  expect(await noted()).toEqual({ here: "made-again after made", there: "made-again" });
  const changed = { ...again, update: say("changed") };
  await up({ step: changed, connection });
  expect(await noted()).toEqual({ here: "changed after made-again", there: "changed" });

  // Another way to the same droplet: only what goes that way runs, and nothing is deleted.
  await up({ step: changed, connection: { ...connection, host: "localhost" } });
  expect(await noted()).toEqual({ here: "", there: "changed" });

  await up({ step: { ...changed, triggers: ["2"] }, connection });
  expect(await noted()).toEqual({ here: "made-again\ngone after changed", there: "made-again\ngone" });
  await up();
  expect(await noted()).toEqual({ here: "gone after made-again", there: "gone" });
});
