import { spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { checkout } from "../../operator/localPaths";
import type { Outcome } from "./results";

const report = z.object({
  testResults: z.array(
    z.object({
      message: z.string(),
      assertionResults: z.array(
        z.object({ title: z.string(), status: z.string(), failureMessages: z.array(z.string()) }),
      ),
    }),
  ),
});

/** The first line of the first failure. */
function reason(file: string, code: number): string {
  try {
    const { testResults } = report.parse(JSON.parse(readFileSync(file, "utf8")));
    const failed = testResults.flatMap((result) => result.assertionResults).find(({ status }) => status === "failed");
    const text = failed?.failureMessages[0] ?? testResults[0]?.message ?? "";
    // eslint-disable-next-line no-control-regex -- Jest colours its messages
    const lines = text.replaceAll(/\u001b\[[0-9;]*m/g, "").split("\n");
    const content = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("●"));
    const short = content.slice(0, 3).join(" ").slice(0, 200);
    return short === "" ? "it gave no reason" : short;
  } catch {
    return `Jest ended with ${code} and no report`;
  }
}

/** Runs one story; its output goes to `NAME.log` in the folder. */
export async function runStory(
  folder: string,
  [name, file]: readonly [string, string],
  env: NodeJS.ProcessEnv,
): Promise<Outcome> {
  const json = resolve(folder, `${name}.json`);
  const jest = resolve(checkout, "node_modules/jest/bin/jest.js");
  const reporter = resolve(checkout, "scripts/kvm/reporter.cjs");
  const argv = [jest, "--runInBand", "--json", "--outputFile", json, "--reporters", reporter, "--runTestsByPath", file];
  const start = performance.now();
  const code = await new Promise<number>((done, fail) => {
    const log = createWriteStream(resolve(folder, `${name}.log`));
    const child = spawn(process.execPath, argv, { cwd: checkout, env, stdio: ["ignore", "pipe", "pipe"] });
    // The report is in a file; stdout would repeat it.
    child.stdout.resume();
    child.stderr.pipe(log);
    child.on("error", fail);
    child.on("close", (status) => done(status ?? 128));
  });
  const seconds = (performance.now() - start) / 1000;
  return { passed: code === 0, seconds, why: code === 0 ? "" : reason(json, code) };
}
