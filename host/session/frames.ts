import { randomBytes } from "node:crypto";

/**
 * Frames delimit each call's answer. Every call has a new key, 128 random bits that travel on the shell's stdin. A line of a
 * record separator and the key opens the answer on stdout and on stderr; a line of both and the exit code closes it.
 * Commands never learn the key, so nothing that they or a guest print can end an answer.
 */
const MARK = "\x1e";
const NEWLINE = 10;

/** Longest line behind a key: an exit code, a fault point's name or a lock holder's text. */
const LONGEST_LINE = 8192;

/** A key that nobody can guess, as 32 hexadecimal digits. */
export function newKey(): string {
  return randomBytes(16).toString("hex");
}

/** The bytes that begin a line marked with a key. */
export function keyedMark(key: string): Buffer {
  return Buffer.from(`${MARK}${key} `, "latin1");
}

/** The end of a stream of bytes, of bounded size, at linear cost. */
export class Tail {
  private pieces: Buffer[] = [];
  private size = 0;

  /** @param limit bytes */
  constructor(private readonly limit: number) {}

  push(piece: Buffer): void {
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.size > 2 * this.limit) this.shorten();
  }

  text(): string {
    this.shorten();
    return (this.pieces[0] ?? Buffer.alloc(0)).toString("utf8");
  }

  private shorten(): void {
    // A copy, because a slice would keep the whole piece in memory.
    const end = Buffer.from(Buffer.concat(this.pieces).subarray(-this.limit));
    this.pieces = [end];
    this.size = end.length;
  }
}

/** A login shell may greet with pages of text before the first answer. It is skipped, and costs only time. */
const GREETING_LIMIT = 64 << 20;

/** The limits of one of a call's two streams. */
export interface FrameLimits {
  /** `onOverflow` is called once, after so many bytes of an answer, or after as many before it, at least {@link GREETING_LIMIT}. */
  readonly limit: number;
  /** Keep the last bytes, so many of them; without it the reader keeps the beginning, up to the limit. */
  readonly tail?: number;
  readonly onOverflow: (limit: number) => void;
}

/** Reads the answer of one call from one of its streams, in linear time. */
export class FrameReader {
  private readonly opening: Buffer;
  private readonly closing: Buffer;
  private state: "before" | "inside" | "closed" = "before";
  private carry = Buffer.alloc(0);
  private readonly kept: Buffer[] = [];
  private readonly end: Tail | undefined;
  private size = 0;
  /** Bytes before the answer. */
  private skipped = 0;
  /** The exit code, once the answer is closed; NaN if its last line contains none. */
  code: number | undefined;

  constructor(
    key: string,
    private readonly limits: FrameLimits,
  ) {
    this.opening = Buffer.from(`\n${MARK}${key}\n`, "latin1");
    this.closing = Buffer.concat([Buffer.from("\n"), keyedMark(key)]);
    if (limits.tail !== undefined) this.end = new Tail(limits.tail);
  }

  /** True once the answer is complete. */
  get closed(): boolean {
    return this.state === "closed";
  }

  /** The answer so far. Invalid UTF-8 becomes U+FFFD. */
  get text(): string {
    return this.end === undefined ? Buffer.concat(this.kept).toString("utf8") : this.end.text();
  }

  push(piece: Buffer): void {
    let data = this.carry.length === 0 ? piece : Buffer.concat([this.carry, piece]);
    this.carry = Buffer.alloc(0);
    if (this.state === "before") {
      const at = data.indexOf(this.opening);
      if (at === -1) {
        this.skip(this.hold(data, this.opening.length - 1).length);
        return;
      }
      this.state = "inside";
      data = data.subarray(at + this.opening.length);
    }
    if (this.state === "inside") this.read(data);
  }

  private read(data: Buffer): void {
    const at = data.indexOf(this.closing);
    if (at === -1) {
      this.keep(this.hold(data, this.closing.length - 1));
      return;
    }
    this.keep(data.subarray(0, at));
    const lineEnd = data.indexOf(NEWLINE, at + this.closing.length);
    // Root on the droplet knows the key, and may never end the line.
    if (lineEnd === -1 && data.length - at <= LONGEST_LINE) {
      this.carry = Buffer.from(data.subarray(at));
      return;
    }
    const code = data.subarray(at + this.closing.length, Math.max(lineEnd, at)).toString("latin1");
    this.code = /^\d{1,3}$/.test(code) ? Number(code) : NaN;
    this.state = "closed";
  }

  private skip(count: number): void {
    const before = this.skipped;
    const limit = Math.max(GREETING_LIMIT, this.limits.limit);
    this.skipped += count;
    if (before <= limit && this.skipped > limit) this.limits.onOverflow(limit);
  }

  /** Keeps back the last bytes, which may begin a mark, and returns the others. */
  private hold(data: Buffer, count: number): Buffer {
    const cut = Math.max(0, data.length - count);
    this.carry = Buffer.from(data.subarray(cut));
    return data.subarray(0, cut);
  }

  private keep(data: Buffer): void {
    const before = this.size;
    this.size += data.length;
    if (this.end !== undefined) this.end.push(data);
    else if (before < this.limits.limit) this.kept.push(data.subarray(0, this.limits.limit - before));
    const { limit } = this.limits;
    if (before <= limit && this.size > limit) this.limits.onOverflow(limit);
  }
}

/** Extracts the lines that begin with a key from a stream of bytes. */
export class KeyedLines {
  private readonly mark: Buffer;
  private carry = Buffer.alloc(0);

  /** @param onLine receives the text behind the key of each line */
  constructor(
    key: string,
    private readonly onLine: (text: string) => void,
  ) {
    this.mark = keyedMark(key);
  }

  /** @returns the bytes outside of such lines */
  push(piece: Buffer): Buffer {
    const data = this.carry.length === 0 ? piece : Buffer.concat([this.carry, piece]);
    this.carry = Buffer.alloc(0);
    const rest: Buffer[] = [];
    let from = 0;
    for (;;) {
      const at = data.indexOf(this.mark, from);
      if (at === -1) break;
      const end = data.indexOf(NEWLINE, at + this.mark.length);
      rest.push(data.subarray(from, at));
      if (end === -1) {
        if (data.length - at <= LONGEST_LINE) this.carry = Buffer.from(data.subarray(at));
        return Buffer.concat(rest);
      }
      this.onLine(data.subarray(at + this.mark.length, end).toString("utf8"));
      from = end + 1;
    }
    const cut = this.halfMark(data, from);
    this.carry = Buffer.from(data.subarray(cut));
    rest.push(data.subarray(from, cut));
    return rest.length === 1 ? (rest[0] ?? data) : Buffer.concat(rest);
  }

  /** The offset of an incomplete mark at the end of the data; the data's length if there is none. */
  private halfMark(data: Buffer, from: number): number {
    const at = data.lastIndexOf(MARK, data.length, "latin1");
    const half = at >= Math.max(from, data.length - this.mark.length + 1) && at !== -1;
    return half && this.mark.subarray(0, data.length - at).equals(data.subarray(at)) ? at : data.length;
  }
}
