import { ConnectionError, HornetError } from "../../host/errors";
import { printableLines } from "../../host/printable";

/** Prints each message once per operation: a fact about a droplet concerns each of its resources. */
export class Reports {
  private readonly printed = new Set<string>();

  /** Prints a line for the user, unless this operation has printed it. */
  reportOnce(text: string): void {
    if (this.printed.has(text)) return;
    this.printed.add(text);
    process.stderr.write(`${printableLines(text)}\n`);
  }

  /**
   * The error as the user sees it. An unreachable droplet is one fault: the first error has the reason, and those of the fleet's
   * other resources refer to it.
   */
  shortened(error: HornetError): HornetError {
    if (!(error instanceof ConnectionError)) return error;
    if (this.printed.has(error.message)) return new HornetError(error.again);
    this.printed.add(error.message);
    return error;
  }
}
