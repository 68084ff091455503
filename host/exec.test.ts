import { capture } from "./exec";

test("capture returns the output, exit code and end of stderr of a program with input", async () => {
  const script = "cat; echo 0123456789 >&2; exit 3";
  const captured = await capture(["sh", "-c", script], { input: "in\n", keptStderr: 5 });
  expect(captured).toEqual({ code: 3, signal: null, stdout: "in\n", stderr: "6789\n", killed: undefined });
});

test("a program that prints endlessly or reaches its time limit is killed, with its children", async () => {
  const loud = await capture(["yes"], { maxStdout: 1 << 20 });
  expect(loud).toMatchObject({ signal: "SIGKILL", killed: "printed more than 1 MiB" });
  const slow = await capture(["sh", "-c", "sleep 300 & wait"], { limitMs: 200, group: true });
  expect(slow).toMatchObject({ code: 128, signal: "SIGKILL", killed: "reached its limit of 0.2 s" });
});

test("the error for a missing program names it", async () => {
  await expect(capture(["hornet-no-such-program"])).rejects.toThrow("hornet-no-such-program cannot be started: ");
});
