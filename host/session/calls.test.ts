import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CALLS, type CallKind } from "./calls";
import { libraryFiles } from "./library";

interface ShellFunction {
  /** Its code without comments and without the programs of other languages in single quotes. */
  readonly code: string;
  /** What its `# @call` line says. */
  readonly header?: { readonly name: string; readonly vars: readonly string[]; readonly kind: string } | undefined;
}

const HEADER = /^# @call (\w+)\(([^)]*)\) (?:stdin: [^;]+; )?(?:answers: .+; )?(reads|effects|removes)$/;

const text = libraryFiles()
  .filter((file) => file.endsWith(".sh"))
  .map((file) => readFileSync(join(__dirname, "../../droplet", file), "utf8"))
  .join("\n");
const functions = new Map([...text.matchAll(/^((?:#.*\n)*)(\w+)\(\) \{(.*\}$|[^]*?^\}$)/gm)].map(shellFunction));
/** Variables of the whole library. */
const globals = new Set(
  [...text.matchAll(/^(?:declare -\w+ |exec \{)?([a-z_0-9]+)(?:=|\})/gm)].map(([, name]) => name ?? ""),
);
// Programs in other languages become variables (library.ts); these and two more belong to the lane.
const OF_THE_LANE = [
  "api_program",
  "ask_program",
  "baked_program",
  "builder_program",
  "common_program",
  "compare_program",
  "entries_program",
  "handover_program",
  "launch_program",
  "look_program",
  "mend_program",
  "pack_program",
  "unpack_program",
  "collector_program",
  "names_program",
  "openings_program",
  "recovery_program",
  "replica_program",
  "steps_program",
  "hornet_steps",
  "hornet_session",
  "stream_begins",
];

function shellFunction([, comment = "", name = "", body = ""]: RegExpMatchArray): [string, ShellFunction] {
  const line = comment.split("\n").find((one) => one.includes("@call"));
  const [, called = "", vars = "", kind = ""] = HEADER.exec(line ?? "") ?? [];
  const header = line === undefined ? undefined : { name: called, vars: vars.split(" ").filter(Boolean), kind };
  const code = body.replaceAll(/(^|\s)#\s.*$/gm, "").replaceAll(/(?<![\\"\w])'[^']*'/g, "''");
  return [name, { code, header }];
}

/** The first group of every match. */
function all(pattern: RegExp, code: string): string[] {
  return [...code.matchAll(pattern)].map((found) => found[1] ?? "");
}

/** Names of variables whose values a code uses. */
function uses(code: string): string[] {
  const sums = all(/\(\((.*?)\)\)/g, code.replaceAll(/\$\([^()]*\)/g, ""));
  return [
    ...all(/\$\{?[!#]?([a-z]\w*)/g, code),
    ...sums.flatMap((sum) => all(/(?<![$\w{./])([a-z]\w*)(?![\w(/])/g, sum)),
  ];
}

/** Names that a code declares as its own. */
function locals(code: string): string[] {
  const value = String.raw`(?:=(?:"[^"]*"|\$\((?:[^()]|\([^()]*\))*\)|\(\)|[^\s;"])*)?`;
  const statement = new RegExp(String.raw`(?:^|[;{(\s])local(?:\s+-\w+)*((?:\s+[a-z_]\w*${value})+)`, "g");
  return all(statement, code).flatMap((declared) => all(/(?:^|\s)([a-z_]\w*)(?=[=\s]|$)/g, declared));
}

/** Names that a code gives a value, declared or not. */
function assigned(code: string): string[] {
  return [
    ...all(/(?:^|[\s;({&|])([a-z_]\w*)(?:\[[^\]]*\])?\+?=(?!=)/gm, code),
    ...all(/\bfor ([a-z_]+)/g, code),
    ...all(/\bread((?: -\w+(?: (?:"?\$?\w+"|''))?)*(?: "?[a-z_]+(?:\[[^\]]*\]")?)+)/g, code).flatMap((words) =>
      all(/(?:^|[\s"])([a-z_]+)/g, words),
    ),
    ...all(/\bmapfile[^\n;]*?([a-z_]+)(?= <| 2>|$)/gm, code),
    ...all(/exec \{(\w+)\}/g, code),
  ];
}

interface Names {
  /** Variables that a function, or one that it calls, reads from its caller. */
  readonly read: Set<string>;
  /** Variables that they set somewhere. */
  readonly set: Set<string>;
}

function namesOf(name: string, callers: readonly string[] = []): Names {
  const code = functions.get(name)?.code ?? "";
  const own = new Set(locals(code));
  const read = new Set(uses(code).filter((one) => !own.has(one)));
  const set = new Set(assigned(code));
  for (const called of new Set(all(/(?<![\w$/.{"\-[:])([a-z_]\w*)(?![\w=/[(:.\-"])/g, code))) {
    if (!functions.has(called) || called === name || callers.includes(called)) continue;
    const inner = namesOf(called, [...callers, name]);
    for (const one of inner.read) if (!own.has(one)) read.add(one);
    for (const one of inner.set) set.add(one);
  }
  return { read, set };
}

const headers = [...functions].flatMap(([name, { header }]) => (header === undefined ? [] : [{ at: name, ...header }]));
const required = (vars: readonly string[]): string[] => vars.map((name) => name.replace("?", ""));

test("the table of calls matches the headers of the scripts", () => {
  const said = headers.map(({ name, vars, kind }) => [name, [kind, ...vars].join(" ")]);
  expect(Object.fromEntries(said)).toEqual(CALLS);
  expect(headers.filter(({ at, name }) => at !== name)).toEqual([]);
});

test("a header names exactly the variables that its function reads", () => {
  // Runs before every call that changes something.
  const lineage = namesOf("enter_lineage").read;
  const wrong = headers.flatMap(({ name, vars, kind }) => {
    const { read, set } = namesOf(name);
    const listed = required(vars);
    const missing = [...read].filter(
      (one) => !listed.includes(one) && !set.has(one) && !globals.has(one) && !OF_THE_LANE.includes(one),
    );
    const idle = listed.filter((one) => !read.has(one) && !(kind === "effects" && lineage.has(one)));
    return missing.length + idle.length === 0 ? [] : [{ name, missing, idle }];
  });
  expect(wrong).toEqual([]);
});

test("a function that its header calls read-only has no effect, and every other has one", () => {
  const effects = (name: string, callers: readonly string[] = []): boolean => {
    const code = functions.get(name)?.code ?? "";
    return (
      /\beffect /.test(code) ||
      all(/\b([a-z_]\w*)\b/g, code).some(
        (one) => functions.has(one) && one !== name && !callers.includes(one) && effects(one, [...callers, name]),
      )
    );
  };
  const kinds = headers.map(({ name, kind }) => [name, kind as CallKind, effects(name)] as const);
  expect(kinds.filter(([, kind, changes]) => kind === "reads" && changes)).toEqual([]);
  // These two wait for others, or leave their work to enter_lineage.
  const quiet = kinds.filter(([, kind, changes]) => kind !== "reads" && !changes).map(([name]) => name);
  expect(quiet.sort()).toEqual(["claim_lineage", "finish_identity"]);
});
