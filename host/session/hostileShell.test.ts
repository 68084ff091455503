/** A droplet whose root answers Hornet's shells as he likes: he reads every key, and has the frames right where it suits him. */
import { commandLines } from "../../test/support/scratchDroplet";
import { FrameReader, newKey } from "./frames";
import { DropletLock } from "./lock";
import { Session } from "./session";
import { shellCommand } from "./shellCommand";

jest.mock("./shellCommand");

/** Distinguishes the shells of this file. */
const mark = `hostile-${process.pid}`;

/** A shell in place of the droplet's: it reads the library, then does `body` with the functions below. */
function shell(body: string): readonly [string, ...string[]] {
  const program = `$| = 1; STDERR->autoflush(1); read STDIN, my $library, <STDIN>;
    sub call { my ($key, $length) = split / /, <STDIN> // exit; read STDIN, my $code, $length; return $key }
    sub both { print STDOUT $_[0]; print STDERR $_[0] }
    sub answer { my $key = call(); both("\\n\\x1e$key\\n"); print $_[0]; both("\\n\\x1e$key 0\\n") }
    sub hang { $SIG{TERM} = "IGNORE"; sleep 1 while 1 }
    ${body}`;
  return ["perl", "-e", program, mark];
}

/** The shells that still run. */
const left = (): unknown[] =>
  commandLines().filter(({ text }) => text.startsWith("perl ") && text.endsWith(`${mark} `));

test("the line that closes an answer, and what comes before the answer, have a limit", () => {
  const key = newKey();
  const reader = (): { one: FrameReader; over: number[] } => {
    const over: number[] = [];
    return { one: new FrameReader(key, { limit: 4096, onOverflow: (limit) => over.push(limit) }), over };
  };
  const piece = Buffer.alloc(1 << 16, "x");

  const endless = reader().one;
  endless.push(Buffer.from(`\n\x1e${key}\nan answer\n\x1e${key} 0`));
  expect(endless.closed).toBe(false);
  endless.push(piece);
  expect(endless).toMatchObject({ closed: true, code: NaN, text: "an answer" });
  for (const code of ["", "0x10", "1e3", "-1", "0 "]) {
    const { one } = reader();
    one.push(Buffer.from(`\n\x1e${key}\n\n\x1e${key} ${code}\n`));
    expect(one.code).toBe(NaN);
  }

  const before = reader();
  // A greeting of some pages is none too long.
  for (let at = 0; at < 20; at++) before.one.push(piece);
  expect(before.over).toEqual([]);
  for (let at = 0; at < 1100; at++) before.one.push(piece);
  expect(before.over).toEqual([64 << 20]);
});

test("a call that reaches its limit fails, also where no shell does anything about it", async () => {
  jest.mocked(shellCommand).mockReturnValue([...shell("answer('1 boot 1'); hang()")]);
  const session = new Session({ local: true, timeout: 1 });
  try {
    await expect(session.call({ what: "ask", run: "lock_holder" })).rejects.toThrow("reached its limit of 1 s");
  } finally {
    await session.close();
  }
  expect(left()).toEqual([]);
}, 60_000);

test("the release of a lock waits only for a while", async () => {
  const argv = shell(String.raw`chomp(my $key = <STDIN>); print "\x1e$key asks\n\x1e$key locked 1\n"; hang()`);
  const lock = await DropletLock.take({ argv, library: "", droplet: "d", firstWordMs: 10_000, patience: 1 });
  expect(lock.stamp).toBe("1");
  await lock.release(200);
  expect(left()).toEqual([]);
}, 60_000);
