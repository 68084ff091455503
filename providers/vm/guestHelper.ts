import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const sources = join(__dirname, "../../guest/identity/helper");

/**
 * The identity service's helper in base64, as guest/build-helper.sh compiled it on this machine; empty where it did not. A
 * guest then seeds its random generator and sets its clock by what it has itself.
 */
export function guestHelper(): string {
  const { HORNET_CACHE, XDG_CACHE_HOME } = process.env;
  const cache = HORNET_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "hornet");
  const file = join(cache, "helper", sourceKey(), "helper");
  return existsSync(file)
    ? (
        readFileSync(file)
          .toString("base64")
          .match(/.{1,120}/g) ?? []
      ).join("\n")
    : "";
}

/** What the sources are: the first 16 hex digits of the sha256 of all files, in the order of their names. */
function sourceKey(): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(sources).sort()) hash.update(readFileSync(join(sources, name)));
  return hash.digest("hex").slice(0, 16);
}
