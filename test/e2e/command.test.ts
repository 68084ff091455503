/** The stand-in for the plugin of @pulumi/command acts on a change as the real plugin does. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beginProgram } from "../support/program";
import { scratchDroplet, type ScratchDroplet } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";

jest.setTimeout(limitMs(300));

let droplet: ScratchDroplet;
beforeEach(async () => {
  droplet = await scratchDroplet();
});
afterEach(async () => {
  await droplet.end();
});

/** The same step on this machine and on the droplet, as the config declares it. */
const program = `
const { local, remote } = require("@pulumi/command");
const pulumi = require("@pulumi/pulumi");
const { step, connection } = new pulumi.Config("t").requireObject("program");
exports.here = new local.Command("here", step).stdout;
exports.there = new remote.Command("there", { ...step, connection }).stdout;
`;

/** Makes the program. The function that it returns runs `up` with these steps, or `destroy` without any. */
async function begin(): Promise<(steps?: object) => Promise<void>> {
  const { configure, pulumi } = await beginProgram(droplet, program);
  return async (steps) => {
    if (steps !== undefined) configure(steps);
    await pulumi(steps === undefined ? "destroy" : "up", "--yes", "--skip-preview");
  };
}

test("a changed command or connection updates, a changed trigger replaces, and an unchanged step does not run", async () => {
  const up = await begin();
  const log = join(droplet.folder, "steps");
  /** A command that prints a word, and logs it where it runs, with the previous output. */
  const print = (word: string): string =>
    `mkdir -p ${droplet.folder}; echo "${word}\${PULUMI_COMMAND_STDOUT:+ after $PULUMI_COMMAND_STDOUT}" >>${log}; echo ${word}`;
  const { host, port, user, hostKey, privateKeyPath = "" } = droplet.connection;
  const key = readFileSync(privateKeyPath, "utf8");
  const connection = { host, port, user, hostKey, privateKey: key };
  /** What was logged since the last call: here, and on the droplet. */
  const logged = async (): Promise<{ here: string; there: string }> => {
    const here = existsSync(log) ? readFileSync(log, "utf8").trim() : "";
    const there = (await droplet.run(`cat ${log} 2>/dev/null || :; rm -f ${log}`)).trim();
    rmSync(log, { force: true });
    return { here, there };
  };
  const step = { create: print("made"), delete: print("gone"), triggers: ["1"] };

  await up({ step, connection });
  expect(await logged()).toEqual({ here: "made", there: "made" });
  await up({ step, connection });
  expect(await logged()).toEqual({ here: "", there: "" });

  // Without an update command, the create command runs again.
  const again = { ...step, create: print("made-again") };
  await up({ step: again, connection });
  expect(await logged()).toEqual({ here: "made-again after made", there: "made-again" });
  const changed = { ...again, update: print("changed") };
  await up({ step: changed, connection });
  expect(await logged()).toEqual({ here: "changed after made-again", there: "changed" });

  // Another address of the same droplet: only the remote command runs, and nothing is deleted.
  await up({ step: changed, connection: { ...connection, host: "localhost" } });
  expect(await logged()).toEqual({ here: "", there: "changed" });

  await up({ step: { ...changed, triggers: ["2"] }, connection });
  expect(await logged()).toEqual({ here: "made-again\ngone after changed", there: "made-again\ngone" });
  await up();
  expect(await logged()).toEqual({ here: "gone after made-again", there: "gone" });
});
