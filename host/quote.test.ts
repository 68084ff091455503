import { execFileSync } from "node:child_process";
import { quote, quoteAll } from "./quote";

const words = [
  "",
  "a",
  "it's",
  '"',
  "$HOME",
  "`id`",
  "\\",
  "a b",
  "one\ntwo",
  "*",
  "~",
  "größe 🐝",
  "-n",
  "!!",
  "#",
  "'",
];

test.each(["sh", "bash"])("%s reads every quoted word unchanged", (shell) => {
  const out = execFileSync(shell, ["-c", `printf '%s\\0' ${quoteAll(words)}`], { encoding: "utf8" });
  expect(out.split("\0").slice(0, -1)).toEqual(words);
});

test("a plain word gets no quotes", () =>
  expect(quote("/opt/swarm/vm7:a@b=c,d+e-f")).toBe("/opt/swarm/vm7:a@b=c,d+e-f"));
