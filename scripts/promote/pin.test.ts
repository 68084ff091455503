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
