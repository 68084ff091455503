import { readFileSync } from "node:fs";
import { join } from "node:path";
import { constantParts, messagesOfCode, messagesOfLibrary } from "./support/messages";

/** Not for a user's eyes: they say that Hornet itself is wrong, or that a test wanted them. */
const INTERNAL = ["injected failure at", "contains a NUL byte"];

test("docs/troubleshooting.md has every error message", () => {
  const docs = readFileSync(join(__dirname, "../docs/troubleshooting.md"), "utf8");
  const folders = ["host", "providers", "plan", "firecracker", "automation"];
  const messages = [...folders.flatMap(messagesOfCode), ...messagesOfLibrary()];
  expect(messages.length).toBeGreaterThan(60);
  const missing = messages.filter((message) => {
    const parts = constantParts(message);
    const known = [
      ...INTERNAL.filter((words) => message.text.includes(words)),
      ...parts.filter((part) => docs.includes(part)),
    ];
    return parts.length > 0 && known.length === 0;
  });
  expect(missing.map(({ file, text }) => `${file}: ${text}`)).toEqual([]);
});
