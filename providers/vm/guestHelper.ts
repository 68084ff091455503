import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../operator/cacheFolder";

const sources = join(__dirname, "../../guest/identity/helper");

/**
 * The identity service's helper in base64, as guest/build-helper.sh compiled it on this machine; empty where it did not. A
 * guest then seeds its random generator and sets its clock by what it has itself.
 */
export function guestHelper(): string {
  const file = join(cacheFolder(), "helper", sourceKey(), "helper");
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
