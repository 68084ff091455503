import { HEAD_BYTES, readHead } from "./snapshotHead";

/** As od(1) prints it. */
function hex(...parts: (string | readonly number[])[]): string {
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return [...bytes.subarray(0, HEAD_BYTES)].map((byte) => ` ${byte.toString(16).padStart(2, "0")}`).join("");
}

const x86 = [0, 0, 0x64, 0x86, 0x84, 0x19, 0x10, 0x07];
const arm = [0, 0, 0xaa, 0xaa, 0x84, 0x19, 0x10, 0x07];
const state = Array.from({ length: 80 }, (_, at) => at);

test.each([
  // bitcode::serialize of { header: { magic: u64, version: semver::Version }, data }, since format 9.
  ["format 9", hex([0], x86, [5], "9.0.0", [0xff, 4]), "9.0.0", "x86_64"],
  ["format 10", hex([0], x86, [6], "10.0.0", [0xff, 4]), "10.0.0", "x86_64"],
  ["a digit behind the version", hex([0], x86, [6], "12.0.0", "345"), "12.0.0", "x86_64"],
  ["a format to come", hex([0], x86, [8], "123.45.6", state), "123.45.6", "x86_64"],
  ["on Arm", hex([0], arm, [6], "11.0.0", state), "11.0.0", "aarch64"],
  // bincode with fixed-width integers, up to format 8.
  ["format 8", hex(x86, [5, 0, 0, 0, 0, 0, 0, 0], "8.0.0", state), "8.0.0", "x86_64"],
  // versionize: a number of the data, which only such a program can read.
  ["before 1.7", hex([1, 0], x86.slice(2), [7, 0], state), "", "x86_64"],
])("the head of a state file has the format: %s", (_name, head, format, machine) => {
  expect(readHead(head)).toEqual({ format, machine });
});

test.each([
  ["nothing", ""],
  ["no magic number", hex(state)],
  ["cut behind the magic number", hex([0], x86)],
  ["a length beyond the end", hex([0], x86, [200], "10.0.0")],
  ["no version", hex([0], x86, [6], "ten.00")],
])("refuses as a state file: %s", (_name, head) => {
  expect(readHead(head)).toBeUndefined();
});

test("any bytes are read or refused, never misread, even with a changed byte", () => {
  const whole = [...Buffer.concat([Buffer.from([0, ...x86, 6]), Buffer.from("10.0.0"), Buffer.from(state)])];
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 5000; round += 1) {
    const bytes = whole.slice(0, random(whole.length));
    if (bytes.length > 0) bytes[random(bytes.length)] = random(256);
    const found = readHead(hex(bytes));
    if (found !== undefined) expect(found.format).toMatch(/^(\d+\.\d+\.\d+)?$/);
    const noise = readHead(hex(Array.from({ length: random(80) }, () => random(256))));
    expect(noise).toBeUndefined();
  }
});
