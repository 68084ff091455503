import { pin, pinnedDigest } from "./pin";

const digest = `sha256:${"a".repeat(64)}`;

test("pin changes the digest and nothing else", () => {
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
    "line ends of another system",
    "config:\r\n  hornet:snapshot:\r\n    from: { stack: dev }\r\n    digest: OLD # x\r\n",
  ],
])("pin changes an existing digest in place: %s", (_what, text) => {
  const old = `sha256:${"0".repeat(64)}`;
  const source = text.includes("from") ? text : text.replace("digest:", "from: {stack: dev}\n        digest:");
  expect(pin(source.replace("OLD", old), digest, "dev")).toBe(source.replace("OLD", digest));
});

test("a new digest has the file's indent", () => {
  const text = "config:\n    hornet:a:\n    - 1\n    hornet:snapshot:\n        from: { stack: dev }\n";
  expect(pin(text, digest, "dev")).toBe(`${text}        digest: ${digest}\n`);
});

test.each<[what: string, text: string, expected: string]>([
  ["a file without config", "", `config:\n  hornet:snapshot:\n    from: { stack: dev }\n    digest: ${digest}\n`],
  [
    "the stack replaces a path on the droplet",
    "config:\n  hornet:snapshot: { path: /opt/x, keepGenerations: 1 }\n",
    `config:\n  hornet:snapshot: { keepGenerations: 1, from: { stack: dev }, digest: ${digest} }\n`,
  ],
  [
    "an existing source stays",
    "config:\n  hornet:snapshot:\n    from: { stack: staging }\n",
    `config:\n  hornet:snapshot:\n    from: { stack: staging }\n    digest: ${digest}\n`,
  ],
])("%s", (_what, text, expected) => {
  expect(pin(text, digest, "dev")).toBe(expected);
});

test.each([
  ["config:\n  hornet:snapshot: { boot: {} }\n", /boots its own snapshot/],
  ["config:\n  hornet:snapshot: here\n", /not a mapping/],
  ["config: [\n", /not YAML/],
])("pin refuses %j", (text, message) => {
  expect(() => pin(text, digest, "dev")).toThrow(message);
});
