import fc from "fast-check";
import { FrameReader, KeyedLines } from "../../host/session/frames";
import { fuzz } from "./harness";

const KEY = "00112233445566778899aabbccddeeff";
const NEAR = ["\n\x1e", KEY.slice(0, 31), "0".repeat(32), " 0\n", "\x1e", "\n", "\x1fK a\n", "\n\x1e1 0\n", "\xff"];
/** What a command prints: anything but the key itself, which it cannot know. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(...NEAR).map((one) => Buffer.from(one, "latin1")),
      bytes(40),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts))
  .filter((body) => !body.includes(KEY));

function bytes(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
}

const input = fc.record({
  before: text,
  body: text,
  after: text,
  code: fc.nat(255),
  cuts: fc.array(fc.nat(400), { maxLength: 20 }),
});

/** A stream in pieces that end where the cuts say. */
function pieces(whole: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set(cuts)].filter((cut) => cut < whole.length).sort((a, b) => a - b);
  return [...ends, whole.length].map((end, at) => whole.subarray(at === 0 ? 0 : ends[at - 1], end));
}

test("frames: an answer is the text between the lines of its key, in whatever pieces it comes", async () => {
  await fuzz({
    name: "frames",
    inputs: input,
    check: ({ before, body, after, code, cuts }) => {
      const frame = Buffer.concat([
        before,
        Buffer.from(`\n\x1e${KEY}\n`),
        body,
        Buffer.from(`\n\x1e${KEY} ${code}\n`),
        after,
      ]);
      const reader = new FrameReader(KEY, { limit: 1 << 20, onOverflow: () => undefined });
      const tail = new FrameReader(KEY, { limit: 1 << 20, tail: 16, onOverflow: () => undefined });
      for (const piece of pieces(frame, cuts)) {
        reader.push(piece);
        tail.push(piece);
      }
      expect([reader.code, reader.text]).toEqual([code, body.toString("utf8")]);
      expect([tail.code, tail.text]).toEqual([code, body.subarray(-16).toString("utf8")]);
      const open = new FrameReader(KEY, { limit: 1 << 20, onOverflow: () => undefined });
      for (const piece of pieces(Buffer.concat([before, body, after]), cuts)) open.push(piece);
      expect([open.closed, open.code]).toEqual([false, undefined]);
    },
  });
});

test("frames: only marked lines are removed from a stream", async () => {
  await fuzz({
    name: "frames",
    inputs: input,
    check: ({ before, body, after, code, cuts }) => {
      const said: string[] = [];
      const lines = new KeyedLines(KEY, (line) => said.push(line));
      const whole = Buffer.concat([before, Buffer.from(`\x1e${KEY} K ${code}\n`), body, after, Buffer.from("end")]);
      const rest = Buffer.concat(pieces(whole, cuts).map((piece) => lines.push(piece)));
      expect(said).toEqual([`K ${code}`]);
      expect(rest.toString("base64")).toBe(Buffer.concat([before, body, after, Buffer.from("end")]).toString("base64"));
    },
  });
});
