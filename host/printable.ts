import { printableLines } from "../model/printable";

export { foreignText, printable, printableLines, printableValue } from "../model/printable";

/** Prints text for the user on stderr. */
export function report(text: string): void {
  console.error(printableLines(text));
}
