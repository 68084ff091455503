import { readFileSync } from "node:fs";
import { join } from "node:path";
import { constantPart, messagesOfCode, messagesOfLibrary } from "./support/messages";

/** Not for a user's eyes: they say that Hornet itself is wrong, or that a test wanted them. */
const INTERNAL = ["injected failure at", "holds a NUL character"];

test("docs/troubleshooting.md has every message that the code can end with", () => {
  const docs = readFileSync(join(__dirname, "../docs/troubleshooting.md"), "utf8");
  const folders = ["host", "providers", "plan", "firecracker"];
  const messages = [...folders.flatMap(messagesOfCode), ...messagesOfLibrary()];
  expect(messages.length).toBeGreaterThan(60);
  const missing = messages.filter((message) => {
    const constant = constantPart(message);
    return !docs.includes(constant) && !INTERNAL.some((words) => message.text.includes(words));
  });
  expect(missing.map((message) => `${message.file}: ${constantPart(message)}`)).toEqual([]);
});
