import { z } from "zod";
import { commonInputs, makeProvider } from "../providers/kit/define";
import { CommandError, ConnectionError, HornetError } from "./errors";
import { refusal, sayWaiting } from "./session/lock";
import { foreignText, printable, report } from "./printable";

/** Every character that moves a cursor, colours, hides, reorders or joins text, each between two letters. */
const codes = [
  ...Array.from({ length: 0xa0 }, (_unused, code) => code).filter((code) => code < 32 || code > 126),
  ...[0xad, 0x61c, 0x34f, 0x180e, 0xfeff, 0xd800, 0xdfff, 0xfff9, 0xe0001, 0xe0041, 0xe0100, 0xfe0f, 0x3164],
  ...Array.from({ length: 0x70 }, (_unused, at) => 0x2000 + at).filter(
    (code) => (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) || code >= 0x2060,
  ),
];
const hostile = codes.map((code) => `a${String.fromCodePoint(code)}b`).join("");
const plain = /^[^\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]*$/u;

const inputs = commonInputs.extend({ name: z.string() });
const provider = makeProvider({
  kind: "Test",
  inputs,
  outputs: z.object({}),
  replaceOn: [],
  id: ({ name }) => name,
  create: () => Promise.reject(new Error(hostile)),
  read: () => Promise.resolve({ outputs: {}, drift: [hostile, "more"] }),
  update: () => Promise.reject(new HornetError(hostile)),
  delete: () => Promise.resolve(),
});
const props = { droplet: { local: true }, owner: "hornet:p/s:1", runtimeDir: "/opt/x", name: "x" };

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "",
    (error: unknown) => (error as Error).message,
  );

const paths: Record<string, () => string | Promise<string>> = {
  "an error": () => new HornetError(hostile).message,
  "a lost connection": () => new ConnectionError(hostile).message,
  "what a command said": () =>
    new CommandError({ what: "test", droplet: hostile, command: "x", code: 1, stderr: hostile, hint: hostile }).message,
  "a lock's holder": () => refusal("droplet", hostile).message,
  "a wait for a lock": () => printed(() => sayWaiting("droplet", hostile)),
  "a warning or progress": () => printed(() => report(hostile)),
  "a console's end": () => foreignText(hostile),
  "a failed create": () => messageOf(provider.create(props)),
  "a failed update": () => messageOf(provider.update?.("x", props, props) ?? Promise.resolve()),
  "drift in a preview": () =>
    printed(async () => {
      const read = await provider.read?.("x", props);
      console.error((read?.props as { condition: string }).condition);
    }),
};

/** What a piece of work prints. */
async function printed(work: () => void | Promise<void>): Promise<string> {
  const said: string[] = [];
  const spy = jest.spyOn(console, "error").mockImplementation((text: string) => void said.push(text));
  try {
    await work();
  } finally {
    spy.mockRestore();
  }
  return said.join("\n");
}

test.each(Object.keys(paths))("no character of a guest reaches the terminal raw by %s", async (path) => {
  const text = (await paths[path]?.()) ?? "";
  expect(text).toContain("\\x1b");
  expect(text).toContain("\\u{202e}");
  for (const line of text.split("\n")) expect(line).toMatch(plain);
});

test("text stays readable", () => {
  expect(printable("größe 日本語 🐝 é")).toBe("größe 日本語 🐝 é");
  expect(foreignText("one\r\n  two\n")).toBe("    | one\n    |   two");
});
