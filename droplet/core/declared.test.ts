import { execFileSync } from "node:child_process";
import { readLibrary } from "../../host/session/library";

const library = readLibrary();

/** Runs code with all functions of droplet/. */
function withLibrary(code: string): string {
  return execFileSync("bash", ["-s"], { input: `${library}\n${code}`, encoding: "utf8" });
}

/** The functions that a separate shell gets by name: a keeper outlives the call that started it. */
const lists = [...library.matchAll(/\$\(declare -f ([a-z_ ]+)\)/g)].map(([, names = ""]) => names.split(" "));
const all = new Set(withLibrary("compgen -A function").split("\n").slice(0, -1));

test("there are such shells", () => {
  expect(lists.length).toBeGreaterThan(2);
});

// The console keeper shortened nothing once is_ours called another function: "command not found" went to /dev/null.
test.each(lists)("a shell that gets %s gets every function that these call", (...names) => {
  const text = withLibrary(`declare -f ${names.join(" ")}`);
  const called = new Set((text.match(/(?<![-\w./$])[a-z_]+(?![-\w./=])/g) ?? []).filter((word) => all.has(word)));
  expect([...called].sort()).toEqual([...names].sort());
});
