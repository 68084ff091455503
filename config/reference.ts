/**
 * The reference of all config keys, made from the schema: `node -r ./register.cjs config/reference.ts` prints it,
 * with `--write` it goes to docs/config.md.
 */
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import { z } from "zod";
import { configSchema, NAMESPACE } from "./schema";
import { fieldsOf, itemOf, metaOf, unwrap } from "./schema/walk";

/** Where the reference is kept. */
export const REFERENCE_FILE = path.join(__dirname, "..", "docs", "config.md");

const HEAD = `# Config reference

Made from the schema by \`node -r ./register.cjs config/reference.ts --write\`; do not edit.

A stack's config is in \`Pulumi.STACK.yaml\`, below \`config:\`. Every key but \`hornet:droplet\` or \`hornet:droplets\` may be left out. Set a key in the
file, or with \`pulumi config set --path hornet:fleet.count 3\`; a secret with
\`pulumi config set --secret --path hornet:identity.env.API_KEY\`, which asks for the value. Hornet keeps the values
of \`identity.env\`, of a clone's \`identity.env\`, of a step's \`env\` and of its \`stdin\` secret, from the file to the guest, also
below \`hornet:droplets\`. It refuses an encrypted value under any other key, because the state would hold it as plain text: an agent's secret belongs in
\`identity.env\`. Hornet reports all faults of a config together, before it touches anything.

All times are in seconds, all sizes of memory in MiB. Paths are on the droplet unless said otherwise.
`;

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
  readonly example: string;
}

/** The whole text of docs/config.md. */
export function reference(): string {
  return [HEAD, ...Object.entries(configSchema.shape).map(([key, schema]) => chapter(key, schema))].join("\n");
}

function chapter(key: string, schema: z.core.$ZodType): string {
  const meta = metaOf(schema);
  const item = itemOf(schema);
  const prefix = unwrap(schema) instanceof z.ZodArray ? "[]." : "ID.";
  const rows = item === undefined ? rowsOf("", schema) : rowsOf(prefix, item);
  const lines = rows.map((row) => line([`\`${row.key}\``, row.type, row.fallback, row.meaning, `\`${row.example}\``]));
  return `## ${NAMESPACE}:${key}

${meta?.description ?? ""}

\`\`\`yaml
${NAMESPACE}:${key}: ${flow(meta?.example)}
\`\`\`

${line(["Key", "Type", "Default", "Meaning", "Example"])}
${line(["---", "---", "---", "---", "---"])}
${lines.join("\n")}
`;
}

function rowsOf(prefix: string, schema: z.core.$ZodType): readonly Row[] {
  return Object.entries(fieldsOf(schema)).flatMap(([key, field]) => {
    const meta = metaOf(field);
    const row = {
      key: prefix + key,
      type: meta?.type ?? typeOf(field),
      fallback: defaultOf(field),
      meaning: meta?.description ?? "",
      example: flow(meta?.example),
    };
    // A type of its own stands for the keys below it: they are explained where that type is.
    if (meta?.type !== undefined)
      return unwrap(field) instanceof z.ZodUnion ? [row, ...rowsOf(`${prefix}${key}.`, field)] : [row];
    const item = itemOf(field);
    return [row, ...(item ? rowsOf(`${prefix}${key}[].`, item) : rowsOf(`${prefix}${key}.`, field))];
  });
}

/** The type of a key in words. */
function typeOf(schema: z.core.$ZodType): string {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodNumber) return `whole number, ${rangeOf(inner)}`;
  if (inner instanceof z.ZodBoolean) return "true or false";
  if (inner instanceof z.ZodEnum) return inner.options.join(" or ");
  const item = itemOf(inner);
  if (inner instanceof z.ZodArray && item) return unwrap(item) instanceof z.ZodObject ? "list" : "list of text";
  return inner instanceof z.ZodObject ? "mapping" : "text";
}

function rangeOf({ minValue, maxValue }: z.ZodNumber): string {
  const most = maxValue === Number.MAX_SAFE_INTEGER ? null : maxValue;
  return most === null ? `${minValue ?? ""} or more` : `${minValue ?? ""} to ${most}`;
}

function defaultOf(schema: z.core.$ZodType): string {
  if (!(schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)) return "–";
  const { defaultValue } = schema.def;
  return unwrap(schema) instanceof z.ZodObject ? "see below" : `\`${flow(defaultValue)}\``;
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 }).trim();
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

if (require.main === module) {
  if (process.argv.includes("--write")) writeFileSync(REFERENCE_FILE, reference());
  else process.stdout.write(reference());
}
