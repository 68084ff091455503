import { PassThrough } from "node:stream";
import { readLines } from "./lines";

/** The lines that are read of these pieces. */
async function linesOf(pieces: Iterable<string | Buffer>): Promise<string[]> {
  const [stream, lines] = [new PassThrough(), [] as string[]];
  readLines(stream, (line) => lines.push(line));
  for (const piece of pieces) if (!stream.write(piece)) await new Promise((resolve) => stream.once("drain", resolve));
  await new Promise((resolve) => stream.end(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  return lines;
}

test("lines arrive complete, in whatever pieces", async () => {
  const bytes = Buffer.from("one\ntwo größe\n\nthree\nhalf");
  const expected = ["one", "two größe", "", "three"];
  expect(await linesOf([bytes])).toEqual(expected);
  expect(await linesOf([...bytes].map((byte) => Buffer.from([byte])))).toEqual(expected);
});

test("a line that is too long is dropped at linear cost, and the next ones are read", async () => {
  const piece = "x".repeat(1 << 20);
  function* endless(): Generator<string> {
    yield "before\n";
    for (let count = 0; count < 200; count += 1) yield piece;
    yield "\nafter\n";
    yield `${"y".repeat(9000)}\n${"z".repeat(9000)}`;
    yield "\nend\n";
  }
  const before = process.memoryUsage().heapUsed;
  expect(await linesOf(endless())).toEqual(["before", "after", "end"]);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 << 20);
});
