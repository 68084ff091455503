/** Quotes one word for a POSIX shell. All data for a shell passes through here. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_./:@=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command line from argv. */
export function quoteAll(argv: readonly string[]): string {
  return argv.map(quote).join(" ");
}
