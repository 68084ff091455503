/** The results of the stories: kept in a folder, so that a run can continue an earlier one, and shown as a table. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../../host/wholeFile";

const outcome = z.object({
  passed: z.boolean(),
  /** Wall time. */
  seconds: z.number(),
  /** Why it failed, in one line; empty where it passed. */
  why: z.string(),
});
export type Outcome = z.infer<typeof outcome>;

const kept = z.object({
  /** The Firecracker, kernel and machine that the stories ran on. */
  subject: z.string(),
  /** How long the first boot took, in s. */
  boot: z.number().optional(),
  stories: z.record(z.string(), outcome),
});

/** The results in a folder; each is written as soon as it is there. */
export class Results {
  private constructor(
    private readonly file: string,
    private readonly content: z.infer<typeof kept>,
  ) {}

  /**
   * Opens the results of a folder.
   * @param subject what the stories run on: results of another subject do not count
   * @param resume whether results that are there already count
   */
  static open(folder: string, subject: string, resume: boolean): Results {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "results.json");
    const before = resume ? Results.read(file) : undefined;
    return new Results(file, before?.subject === subject ? before : { subject, stories: {} });
  }

  private static read(file: string): z.infer<typeof kept> | undefined {
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch {
      return undefined;
    }
    try {
      return kept.parse(JSON.parse(text));
    } catch {
      throw new Error(
        `the results of an earlier run, ${file}, are damaged\n  next: remove the file, and run without --resume`,
      );
    }
  }

  /** How long the first boot took, in s; undefined until it was measured. */
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

/** One line a story: its name, what came of it, how long it took, why it failed. */
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
