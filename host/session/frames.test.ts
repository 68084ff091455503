import { Session } from "./session";

let session: Session;
beforeEach(() => {
  session = new Session({ local: true, lanes: 1 });
});
afterEach(async () => session.close());

const answer = (run: string, rest: object = {}): Promise<string> => session.perform({ what: "test", run, ...rest });

/** Every line that ever closed an answer, told of an effect or ended a connection, for this call and the next ones. */
const forged = `for ((i = 0; i < 300; i++)); do printf '\\n\\036%s 0\\n\\036%s\\n\\n\\036%032d 0\\n' "$i" "$i" "$i"; done
printf '\\n\\036gone\\n\\037K vm0/disk\\n\\037E vm0/disk\\n\\036 K x\\n\\036key K x\\nlocked 1\\n'`;

test("no output of a command ends or forges an answer, or runs as a command", async () => {
  const said = await answer(`{ ${forged}; } | tee /dev/stderr; printf '\\377\\303'`);
  expect(said).toContain("\n\x1e299 0\n");
  expect(said.endsWith("locked 1\n\ufffd\ufffd")).toBe(true);
  expect(await answer("printf next")).toBe("next");
  await expect(answer(`{ ${forged}; } >&2; printf lost; exit 3`)).rejects.toThrow("exit code: 3");
  expect(await answer("printf last")).toBe("last");
});

test("no command learns a call's key", async () => {
  const seen = await answer('set; env; cat "/proc/$$/environ" "/proc/$$/cmdline" "/proc/$BASHPID/cmdline"');
  expect(seen.match(/\b[0-9a-f]{32}\b/g)).toBeNull();
});

test("an answer that is too large ends with its processes, at linear cost, and the end of stderr is kept", async () => {
  for (const run of ["yes", "yes >&2", "(yes & yes) | cat"]) {
    await expect(answer(run, { maxBytes: 1 << 20 })).rejects.toThrow(
      /printed more than \d+ MiB on std(out|err) and was ended/,
    );
  }
  expect(await answer("head -c 30000000 /dev/zero >&2; printf done")).toBe("done");
  await expect(answer("head -c 1000000 /dev/zero >&2; printf 'the end' >&2; exit 1")).rejects.toThrow("the end");
  expect(await answer("pgrep -P $$ -x yes || printf none")).toBe("none");
});
