import { CommandError, ConnectionError, HornetError, messageOf } from "./errors";

test("a failed command says what, where, which command, how it ended, the end of what it said, and what to do", () => {
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

test("what is not there is not said", () => {
  const failure = { what: "a", droplet: "b", command: "c", code: null, stderr: " \n" };
  expect(new CommandError(failure).message).toBe("a failed on b\n  command: c\n  exit code: none");
});

test("no stack reaches a user", () => {
  for (const error of [new HornetError("a\nb"), new ConnectionError("c")]) expect(error.stack).toBe("");
});

test("the message of whatever was thrown", () => {
  expect([new Error("a"), "b", 3, undefined].map(messageOf)).toEqual(["a", "b", "3", "undefined"]);
});
