import { hostKeyOf, newHostKeySeed } from "./hostkey";
import { newGeneration, type Identity } from "./identity";
import { metadataDocument } from "./metadata";
import { METADATA_LIMIT, oversize, type Declared } from "./metadataSize";

const declared: Declared = {
  hostname: "vm12",
  authorizedKeys: ["ssh-ed25519 AAAA one"],
  user: "root",
  env: {},
  agent: { command: 'exec ./agent "x"', user: "root", restart: "always" },
};

/** The bytes of a clone's metadata as it is sent. */
function sent(env: Record<string, string>): number {
  const identity: Identity = {
    ...declared,
    env,
    generation: newGeneration(),
    machineId: "0123456789abcdef0123456789abcdef",
    hostKey: hostKeyOf(newHostKeySeed(), "vm12").privateKey,
  };
  const text = JSON.stringify(metadataDocument(identity, "service"));
  return Buffer.byteLength(text.replace("@CLOCK@", "1764000000.123456"));
}

test("the estimated size is at least the sent size, and little more", () => {
  const text = `it's "so" \\ $x \`y\` \n é €`.repeat(200);
  for (const padding of Array.from({ length: 40 }, (_, at) => at * 16)) {
    const room = METADATA_LIMIT - sent({ TEXT: text, PAD: "" }) - padding;
    const env = { TEXT: text, PAD: "x".repeat(room) };
    expect(sent(env)).toBe(METADATA_LIMIT - padding);
    expect(oversize({ ...declared, env }, "service") === undefined).toBe(padding >= 16);
  }
});

test("the error for oversized metadata has sizes and no value", () => {
  const env = oversize({ ...declared, env: { KEY: "canary".repeat(9000) } }, "service");
  expect(env?.part).toBe("env");
  expect(env?.problem).toMatch(/^vm12 would be told 5\d{4} bytes, 540\d\d of them its environment, \d+ its authorized/);
  expect(env?.problem).not.toContain("canary");
  const keys = Array.from({ length: 300 }, (_, at) => `ssh-ed25519 ${"A".repeat(68)} user-${at}@example.org`);
  expect(oversize({ ...declared, authorizedKeys: keys }, "service")).toBeUndefined();
  expect(oversize({ ...declared, authorizedKeys: [...keys, ...keys] }, "service")?.part).toBe("authorizedKeys");
});
