/** The results of the stories, in a folder, so that a run can continue an earlier one, and as a table. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../../host/wholeFile";

const outcome = z.object({
  passed: z.boolean(),
  /** Wall time, seconds. */
  seconds: z.number(),
  /** Why it failed, in one line; empty where it passed. */
  why: z.string(),
});
export type Outcome = z.infer<typeof outcome>;

const savedResults = z.object({
  /** The Firecracker, kernel and machine that the stories ran on. */
  subject: z.string(),
  /** Duration of the measured boot, seconds. */
  boot: z.number().optional(),
  stories: z.record(z.string(), outcome),
});

/** The results in a folder, written after each story. */
export class Results {
  private constructor(
    private readonly file: string,
    private readonly content: z.infer<typeof savedResults>,
  ) {}

  /**
   * Opens the results of a folder.
   * @param subject what the stories run on; results of another subject do not count
   * @param resume whether existing results count
   */
  static open(folder: string, subject: string, resume: boolean): Results {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "results.json");
    const before = resume ? Results.read(file) : undefined;
    return new Results(file, before?.subject === subject ? before : { subject, stories: {} });
  }

  private static read(file: string): z.infer<typeof savedResults> | undefined {
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch {
      return undefined;
    }
    try {
      return savedResults.parse(JSON.parse(text));
    } catch {
      throw new Error(
        `the results of an earlier run, ${file}, are damaged\n  next: remove the file, and run without --resume`,
      );
    }
  }

  /** Duration of the measured boot, seconds; undefined before it. */
  get boot(): number | undefined {
    return this.content.boot;
  }

  set boot(seconds: number | undefined) {
    this.content.boot = seconds;
    this.write();
  }

  of(story: string): Outcome | undefined {
    return this.content.stories[story];
  }

  add(story: string, result: Outcome): void {
    this.content.stories[story] = result;
    this.write();
  }

  private write(): void {
    writeWhole(this.file, `${JSON.stringify(this.content, undefined, 2)}\n`, 0o644);
  }
}

/** A line for each story: its name, result, duration, and why it failed. */
export function resultTable(rows: readonly (readonly [name: string, result: Outcome | undefined])[]): string {
  const cells = rows.map(([name, result]): [string, string, string, string] => [
    name,
    result === undefined ? "not run" : result.passed ? "passed" : "FAILED",
    result === undefined ? "" : String(Math.round(result.seconds)),
    result?.why ?? "",
  ]);
  const lines = [["story", "result", "seconds", "why"] as [string, string, string, string], ...cells];
  const width = (column: 0 | 1 | 2): number => Math.max(...lines.map((line) => line[column].length));
  const [names, results, seconds] = [width(0), width(1), width(2)];
  return lines
    .map(([a, b, c, d]) => `${a.padEnd(names)}  ${b.padEnd(results)}  ${c.padStart(seconds)}  ${d}`.trimEnd())
    .join("\n");
}
