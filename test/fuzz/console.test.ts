import fc from "fast-check";
import { HornetError } from "../../host/errors";
import { foreignText, printable, printableLines } from "../../host/printable";
import { fuzz } from "./harness";

/** Nothing in it moves a cursor, hides, reorders or joins what a reader sees. */
const PLAIN = /^[^\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]*$/u;

const character = fc.oneof(
  fc.integer({ min: 0, max: 0x9f }),
  fc.integer({ min: 0x2000, max: 0x206f }),
  fc.integer({ min: 0xe0000, max: 0xe01ef }),
  fc.integer({ min: 0xd800, max: 0xdfff }),
  fc.constantFrom(0x61c, 0xad, 0xfeff, 0x34f, 0x3164, 0x202e, 0x9b),
  fc.integer({ min: 0, max: 0x10ffff }),
);
const text = fc
  .array(character, { maxLength: 60 })
  .chain((codes) => fc.constantFrom(1, 1, 1, 200).map((times) => String.fromCodePoint(...codes).repeat(times)));

test("console: no output of a guest moves the cursor or passes for a line of Hornet", async () => {
  await fuzz({
    name: "console",
    inputs: text,
    check: (guest) => {
      expect(printable(guest)).toMatch(PLAIN);
      expect(printable(printable(guest))).toBe(printable(guest));
      expect(printableLines(printableLines(guest))).toBe(printableLines(guest));
      for (const line of new HornetError(guest).message.split("\n")) expect(line).toMatch(PLAIN);
      for (const line of foreignText(guest).split("\n")) expect(line).toMatch(/^ {4}\| /);
      for (const line of printableLines(guest).split("\n")) expect(line.length).toBeLessThan(4100);
    },
  });
});
