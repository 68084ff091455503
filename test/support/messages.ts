/** The messages that a user may read, as they stand in the code: what is put in at run time is an ellipsis. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { libraryFiles } from "../../host/session/library";

/** One message and where it comes from. */
export interface Message {
  readonly file: string;
  readonly text: string;
}

const BLANK = "…";
const checkout = join(__dirname, "../..");

/** What makes a message of its first argument; in automation/ plain errors do, too. */
const MAKERS: ReadonlySet<string> = new Set(["HornetError", "ConnectionError", "fault", "warn", "refusal"]);
const PLAIN_MAKERS: ReadonlySet<string> = new Set(["Error", "SetupError"]);

/** The messages of the TypeScript files below a folder of the checkout. */
export function messagesOfCode(folder: string): Message[] {
  const makers = folder.startsWith("automation") ? new Set([...MAKERS, ...PLAIN_MAKERS]) : MAKERS;
  const files = readdirSync(join(checkout, folder), { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
  );
  return files.flatMap((name) => {
    const file = `${folder}/${name}`;
    const source = ts.createSourceFile(file, readFileSync(join(checkout, file), "utf8"), ts.ScriptTarget.Latest, true);
    const found: Message[] = [];
    const visit = (node: ts.Node): void => {
      const made = (ts.isNewExpression(node) || ts.isCallExpression(node)) && nameOf(node.expression);
      const argument = made !== false && makers.has(made) ? (node as ts.CallExpression).arguments[0] : undefined;
      if (argument !== undefined) found.push({ file, text: textOf(argument) });
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

/** The messages of the functions and programs that run on a droplet. */
export function messagesOfLibrary(): Message[] {
  const folder = "droplet";
  return libraryFiles().flatMap((name) => {
    const text = readFileSync(join(checkout, folder, name), "utf8");
    if (name.endsWith(".pl")) {
      return [...text.matchAll(/\brefuse\("([^"]*)"/g)].map(([, said = ""]) => ({
        file: `${folder}/${name}`,
        text: said.replaceAll(/\$\w+/g, BLANK),
      }));
    }
    return [...text.matchAll(/\bfail "((?:[^"$]|\$\((?:[^()]|\([^()]*\))*\)|\$\{[^}]*\}|\$)*)"/g)].map(
      ([, said = ""]) => ({
        file: `${folder}/${name}`,
        text: said.replaceAll(/\$\((?:[^()]|\([^()]*\))*\)|\$\{[^}]*\}|\$\w+/g, BLANK),
      }),
    );
  });
}

/**
 * What does not change of a message: its parts between two ellipses, and the first clause of each, which names the
 * message where a long hint follows.
 */
export function constantParts({ text }: Message): string[] {
  const parts = text.split(BLANK).flatMap((part) => [part, part.split(/[;:.,] |\(/)[0] ?? ""]);
  return parts.map((part) => part.replace(/^[\s:;,.()"/]+|[\s:;,.()"/]+$/g, "")).filter((part) => part.length >= 10);
}

function nameOf(node: ts.Expression): string {
  return ts.isIdentifier(node) ? node.text : ts.isPropertyAccessExpression(node) ? node.name.text : "";
}

function textOf(node: ts.Expression): string {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isParenthesizedExpression(node)) return textOf(node.expression);
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map(({ literal }) => BLANK + literal.text).join("");
  }
  if (ts.isBinaryExpression(node)) return textOf(node.left) + textOf(node.right);
  // [first, …].join("\n")
  const list =
    ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && node.expression.expression;
  if (list !== false && ts.isArrayLiteralExpression(list)) return list.elements.map(textOf).join(BLANK);
  return BLANK;
}
