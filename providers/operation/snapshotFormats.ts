import type { Session } from "../../host/session/session";
import { parseManifest, readManifest } from "../artifact/manifests";

/** The snapshot formats of artifacts on a droplet: the operation reads each manifest once, and not once for each clone. */
export class SnapshotFormats {
  private readonly formats = new Map<string, Promise<string>>();

  constructor(private readonly session: () => Session) {}

  /** The format that the manifest in an artifact's folder names; empty if there is no manifest any more. */
  of(folder: string): Promise<string> {
    const known = this.formats.get(folder);
    if (known !== undefined) return known;
    const format = readManifest(this.session(), folder).then((text) =>
      text === "" ? "" : parseManifest(text, folder).snapshotFormat,
    );
    this.formats.set(folder, format);
    // If the droplet did not answer, or the manifest is missing, the next clone looks again.
    format.then(
      (found) => found !== "" || this.formats.delete(folder),
      () => this.formats.delete(folder),
    );
    return format;
  }
}
