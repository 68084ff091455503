import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ConfigFaults } from "../config/faults";
import { parseConfig } from "../config/parse";
import type { Manifest } from "../firecracker/manifest";
import { fileDrift } from "../providers/artifact/files";
import { makeProvider } from "../providers/kit/define";
import { commonInputs, type Definition } from "../providers/kit/definition";
import { Operation } from "../providers/operation/operation";
import { CommandError, ConnectionError, HornetError } from "./errors";
import { refusal, reportWaiting } from "./session/lock";
import { Sessions } from "./session/sessions";
import { foreignText, printable, report } from "./printable";
import { GuestProgress } from "../providers/operation/guestProgress";
import { Reports } from "../providers/operation/reportOnce";
import { runSmokeTests } from "../providers/vm/smokeTests";
import { section } from "../scripts/doctor/doctor";
import { difference } from "../automation/promote/difference";
import { cloneTable } from "../scripts/table";

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
const definition: Definition<z.infer<typeof inputs>, object> = {
  kind: "Test",
  inputs,
  outputs: z.object({ made: z.string().default(""), list: z.array(z.record(z.string(), z.string())).default([]) }),
  replaceOn: [],
  id: ({ name }) => name,
  create: (_droplet, { name }) =>
    name === "made"
      ? Promise.resolve({ made: hostile, list: [{ [hostile]: hostile }] })
      : Promise.reject(new Error(hostile)),
  read: () => Promise.resolve({ outputs: { made: hostile, list: [] }, drift: [hostile, "more"] }),
  update: () => Promise.reject(new HornetError(hostile)),
  delete: () => Promise.resolve(),
};
const provider = makeProvider(definition, new Operation());
const props = { droplet: { local: true }, owner: "hornet:p/s:1", runtimeDir: "/opt/x", name: "x", condition: "" };

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
  "a wait for a lock": () => printed(() => reportWaiting("droplet", hostile)),
  "a warning or progress": () => printed(() => report(hostile)),
  "a console's end": () => foreignText(hostile),
  "a failed create": () => messageOf(provider.create(props)),
  "a failed update": () => messageOf(provider.update?.("x", props, props) ?? Promise.resolve()),
  "drift in a preview": () =>
    printed(async () => {
      const read = await provider.read?.("x", props);
      console.error(leaves(read?.props).join("\n"));
    }),
  "outputs of a resource": async () => leaves((await provider.create({ ...props, name: "made" })).outs).join("\n"),
  "a warning that is printed once": () => printed(() => new Reports().reportOnce(hostile)),
  "a section of doctor": () => printed(() => section("drift", [hostile], "none")),
  "a changed file": () => printed(() => report(fileDrift({ [hostile]: "1 2 3" }, {}).join("; "))),
  "a guest's progress": () => {
    const progress = new GuestProgress(undefined, 0);
    progress.hear({ what: "state", state: "banner", text: hostile }, 0);
    return printed(() => report(progress.line(60_000) ?? ""));
  },
  "a promotion's manifest": () => difference(undefined, "sha256:0", manifestOf(hostile), undefined),
  "a fault of the config": () => {
    const parsed = parseConfig({ [hostile]: 1, bridge: { name: hostile }, clones: { [hostile]: {} } });
    return parsed.ok ? "" : new ConfigFaults("dev", parsed.faults).message;
  },
  "the table of clones": () => cloneTable([{ name: "vm0", address: "10.0.0.2", ready: true, disk: hostile }]),
  "the output of a smoke test and the end of a console": async () => {
    const sessions = new Sessions();
    const folder = mkdtempSync(join(tmpdir(), "hornet-printable-"));
    try {
      mkdirSync(join(folder, "vm7"));
      // Neither a bash variable nor an argument holds a NUL.
      writeFileSync(join(folder, "vm7/console.log"), hostile.replaceAll("\0", ""));
      writeFileSync(join(folder, "said"), hostile);
      const clone = { ...props, name: "vm7", namespace: "vm7", runtimeDir: folder, address: "10.0.0.9", user: "root" };
      const common = { ...clone, droplet: { local: true } as const, vmmTimeout: 30 };
      const test = { on: "droplet", command: `cat ${folder}/said`, expect: "else", timeout: 20 } as const;
      const droplet = new Operation(sessions).droplet(common.droplet);
      return await messageOf(runSmokeTests(droplet, common, "ssh-ed25519 AAAA", [test]));
    } finally {
      await sessions.close();
      rmSync(folder, { recursive: true });
    }
  },
};

/** Every text in a value, names of properties too. */
function leaves(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [String(value)];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...leaves(inner)]);
}

/** A manifest that a droplet made up. */
function manifestOf(text: string): Manifest {
  const files = { [text]: { sha256: text, size: 1 } };
  const made = { at: text, from: text, key: text };
  return {
    firecracker: text,
    snapshotFormat: text,
    cpu: text,
    memory: 1,
    vcpus: 1,
    diskPath: text,
    made,
    files,
  } as never;
}

/** What a piece of work prints. */
async function printed(work: () => void | Promise<void>): Promise<string> {
  const said: string[] = [];
  const keep = (text: unknown): boolean => said.push(String(text)) > 0;
  const spies = [
    jest.spyOn(console, "error").mockImplementation(keep),
    jest.spyOn(console, "log").mockImplementation(keep),
    jest.spyOn(process.stderr, "write").mockImplementation(keep),
  ];
  try {
    await work();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return said.join("\n");
}

test.each(Object.keys(paths))("%s lets no control character of a guest reach the terminal", async (path) => {
  const text = (await paths[path]?.()) ?? "";
  expect(text).toContain("\\x1b");
  expect(text).toContain("\\u{202e}");
  for (const line of text.split("\n")) expect(line).toMatch(plain);
});

test("printable text stays unchanged", () => {
  expect(printable("größe 日本語 🐝 é")).toBe("größe 日本語 🐝 é");
  expect(foreignText("one\r\n  two\n")).toBe("    | one\n    |   two");
});
