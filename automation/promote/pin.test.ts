import { pin, pinnedDigest } from "./pin";

const digest = `sha256:${"a".repeat(64)}`;

test("a pin is changed and nothing else, comments included", () => {
  const text = `# Production.
config:
  # Why this one.
  hornet:snapshot:
    from: { stack: dev } # where it comes from
    digest: sha256:${"0".repeat(64)} # proved
    keepGenerations: 2
  hornet:fleet: { count: 3 }
encryptionsalt: v1:x
`;
  const pinned = pin(text, digest, "dev");
  expect(pinned).toBe(text.replace("0".repeat(64), "a".repeat(64)));
  expect(pinnedDigest(pinned)).toBe(digest);
});

test.each([
  [
    "wider indents, and lists at the height of their key",
    "config:\n    hornet:a:\n    - 1\n    hornet:snapshot:\n        digest: OLD\n",
  ],
  ["quotes", `config:\n  hornet:snapshot: { from: {stack: dev},   digest: "OLD" }\n`],
  [
    "long lines, blank lines, other forms of the same",
    "config:\n\n\n  hornet:x: [1,2,\n     3]\n  hornet:snapshot: {from: {stack: dev}, digest: OLD}",
  ],
  [
    "the ends of lines of another system",
    "config:\r\n  hornet:snapshot:\r\n    from: { stack: dev }\r\n    digest: OLD # x\r\n",
  ],
])("a pin that is there is changed where it stands: %s", (_what, text) => {
  const old = `sha256:${"0".repeat(64)}`;
  const source = text.includes("from") ? text : text.replace("digest:", "from: {stack: dev}\n        digest:");
  expect(pin(source.replace("OLD", old), digest, "dev")).toBe(source.replace("OLD", digest));
});

test("what is put in keeps the file's own indents", () => {
  const text = "config:\n    hornet:a:\n    - 1\n    hornet:snapshot:\n        from: { stack: dev }\n";
  expect(pin(text, digest, "dev")).toBe(`${text}        digest: ${digest}\n`);
});

test.each<[what: string, text: string, expected: string]>([
  ["a file without config", "", `config:\n  hornet:snapshot:\n    from: { stack: dev }\n    digest: ${digest}\n`],
  [
    "a folder of the droplet's own gives way to the stack that proved it",
    "config:\n  hornet:snapshot: { path: /opt/x, keepGenerations: 1 }\n",
    `config:\n  hornet:snapshot: { keepGenerations: 1, from: { stack: dev }, digest: ${digest} }\n`,
  ],
  [
    "a source that is named stays",
    "config:\n  hornet:snapshot:\n    from: { stack: staging }\n",
    `config:\n  hornet:snapshot:\n    from: { stack: staging }\n    digest: ${digest}\n`,
  ],
])("%s", (_what, text, expected) => {
  expect(pin(text, digest, "dev")).toBe(expected);
});

test.each([
  ["config:\n  hornet:snapshot: { boot: {} }\n", /boots a snapshot of its own/],
  ["config:\n  hornet:snapshot: here\n", /not a mapping/],
  ["config: [\n", /not YAML/],
])("%j is refused", (text, words) => {
  expect(() => pin(text, digest, "dev")).toThrow(words);
});
