/** Prometheus' text format, read as strictly as it is specified. */

/** The samples of a file, by name and labels as they stand there. */
export type Samples = Readonly<Record<string, number>>;

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? ([0-9.e+-]+|[+-]Inf)$`);

/**
 * Reads a file. Throws on a line that is none of the format's, a sample before its HELP and TYPE, a name whose lines do
 * not stand together, a series that comes twice, or an end without a line end.
 */
export function readPromText(text: string): Samples {
  if (text !== "" && !text.endsWith("\n")) throw new Error("it does not end with a line end");
  const samples: Record<string, number> = {};
  const seen = new Set<string>();
  let current = "";
  for (const line of text.split("\n").slice(0, -1)) {
    const [, comment, about = "", rest = ""] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line) ?? [];
    if (comment === "HELP") {
      if (seen.has(about)) throw new Error(`${about} stands in two places`);
      seen.add(about);
      current = `${about} without type`;
    } else if (comment === "TYPE") {
      if (current !== `${about} without type` || !/^(counter|gauge)$/.test(rest)) throw new Error(`type: ${line}`);
      if ((rest === "counter") !== about.endsWith("_total")) throw new Error(`a ${rest} of that name: ${line}`);
      current = about;
    } else {
      const [, name, labels = "", value] = SAMPLE.exec(line) ?? [];
      if (name === undefined || name !== current) throw new Error(`no sample here: ${line}`);
      if (`${name}${labels}` in samples) throw new Error(`it comes twice: ${line}`);
      samples[`${name}${labels}`] = Number(value);
    }
  }
  return samples;
}
