import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readResult } from "./report/result";

jest.setTimeout(300_000);

const checkout = resolve(__dirname, "..");

test("a run measures and saves both sides, compares a result with itself, and leaves nothing", () => {
  const folder = mkdtempSync(join(tmpdir(), "hornet-bench-test-"));
  const scratch = join(folder, "tmp");
  mkdirSync(scratch);
  try {
    const file = join(folder, "result.json");
    const run = (...args: string[]): string =>
      execFileSync(process.execPath, ["bench/run.mjs", ...args], {
        cwd: checkout,
        encoding: "utf8",
        env: { ...process.env, TMPDIR: scratch },
      });
    const table = run("--only", "network,bytes", "--runs", "1", "--size", "16", "--json", file);
    expect(table).toMatch(/^network of one clone +[0-9.]+ ms +kernel [0-9.]+ ms +[0-9.]+ +<= 2\.00 +(met|MISSED)$/m);

    const { series } = readResult(file);
    expect(series["network.hornet"]).toMatchObject({ unit: "ms", values: [expect.any(Number)] });
    expect(series["network.floor"]?.values).toHaveLength(1);
    // Hornet writes the half of the disk that is not zero, and the jailer a copy of the VMM's program (1 MiB);
    // with reflinks the program alone counts. No memory is copied.
    expect(series["bytes.hornet.memory"]?.values).toEqual([0]);
    expect(series["bytes.hornet.plain"]?.values[0]).toBeGreaterThan(8 * 1024 * 1024);
    expect(series["bytes.hornet.plain"]?.values[0]).toBeLessThan(9.5 * 1024 * 1024);
    expect(series["bytes.hornet.reflink"]?.values[0]).toBeLessThan(1.5 * 1024 * 1024);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ options: { runs: 1, baseline: false } });

    expect(run("--compare", file, file)).toContain("0 better, 0 worse");
    expect(readdirSync(scratch)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
