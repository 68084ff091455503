import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CommandError, ConnectionError, HornetError, messageOf } from "./errors";

test("the error of a command has the task, the droplet, the command, its exit, the end of its output, and the next step", () => {
  const { message } = new CommandError({
    what: "create namespace vm7",
    droplet: "root@203.0.113.10:22",
    command: "converge_namespace",
    code: 2,
    stderr: `${"x".repeat(3000)}\nlast line\n`,
    hint: "look",
  });
  expect(message).toContain("create namespace vm7 failed on root@203.0.113.10:22\n");
  expect(message).toContain("command: converge_namespace\n");
  expect(message).toContain("exit code: 2\n");
  expect(message).toContain("last line");
  expect(message).toContain("next: look");
  expect(message.length).toBeLessThan(2300);
});

test("an error leaves out the parts that it does not have", () => {
  const failure = { what: "a", droplet: "b", command: "c", code: null, stderr: " \n" };
  expect(new CommandError(failure).message).toBe("a failed on b\n  command: c\n  exit code: none");
});

test("the message of an error has all its parts in a fixed order", () => {
  const parts = { details: ["seen: a\nb"], next: "do c", document: "docs/drift.md" };
  const error = new HornetError("vm7 failed on this machine: no room", parts);
  expect(error.parts).toEqual({ summary: "vm7 failed on this machine: no room", ...parts });
  expect(error.message).toBe("vm7 failed on this machine: no room\n  seen: a\n  b\n  next: do c\n  see: docs/drift.md");
  expect(new ConnectionError("lost", { next: "wait", again: "lost too" })).toMatchObject({
    parts: { summary: "lost", next: "wait" },
    again: "lost too",
  });
});

test("an error names a document that exists", () => {
  const sources = execFileSync("git", ["grep", "-hoE", 'document: "[^"]+"', "--", "providers/*.ts", "host/*.ts"], {
    cwd: join(__dirname, ".."),
    encoding: "utf8",
  });
  const documents = [...sources.matchAll(/"(docs[^"]+)"/g)].map(([, path = ""]) => path);
  expect(documents.length).toBeGreaterThan(2);
  for (const path of documents) expect([path, existsSync(join(__dirname, "..", path))]).toEqual([path, true]);
});

test("no stack reaches a user", () => {
  for (const error of [new HornetError("a\nb"), new ConnectionError("c")]) expect(error.stack).toBe("");
});

test("messageOf returns the message of any thrown value", () => {
  expect([new Error("a"), "b", 3, undefined].map(messageOf)).toEqual(["a", "b", "3", "undefined"]);
});
