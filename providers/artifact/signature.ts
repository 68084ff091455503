import { artifactPaths } from "../../model/layout";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { HornetError } from "../../host/errors";
import { capture, type Captured } from "../../host/exec";
import { privateFolder } from "../../host/privateFolder";
import { expandHome } from "../../host/ssh/options";

/** The signature's purpose, so that a signature for another purpose is refused (ssh-keygen(1), -n). */
const NAMESPACE = "hornet-manifest";

/**
 * Signs a manifest on the operator's machine with an OpenSSH signature.
 *
 * @param keyPath a private key there, or the public half of one that the operator's ssh agent holds
 * @returns the signature, an armored text
 * @throws HornetError with ssh-keygen's output
 */
export async function signManifest(text: string, keyPath: string): Promise<string> {
  const argv = ["-Y", "sign", "-q", "-f", expandHome(keyPath), "-n", NAMESPACE];
  const { code, stdout, stderr } = await sshKeygen(argv, text);
  if (code !== 0) throw new HornetError(`the manifest cannot be signed with ${keyPath}: ${stderr.trim()}`);
  return stdout;
}

/**
 * Verifies a manifest's signature.
 *
 * @param signers lines of an allowed-signers list (ssh-keygen(1), ALLOWED SIGNERS)
 * @param folder the manifest's, and its droplet, for messages
 * @returns who signed it
 * @throws HornetError that names the file at fault
 */
export async function verifyManifest(
  text: string,
  signature: string,
  signers: readonly string[],
  folder: string,
  droplet: string,
): Promise<string> {
  const path = artifactPaths(folder).manifest;
  if (signature.trim() === "") {
    throw new HornetError(`there is no ${path}.sig on ${droplet}, and hornet:snapshot.signers asks for a signature`, {
      next: "promote it with npm run promote -- FROM TO --sign KEY",
      document: "docs/promotion.md",
    });
  }
  const own = privateFolder();
  try {
    const [list, file] = [join(own.path, "signers"), join(own.path, "sig")];
    writeFileSync(list, signers.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    writeFileSync(file, signature, { mode: 0o600 });
    const found = await sshKeygen(["-Y", "find-principals", "-s", file, "-f", list], text);
    const [principal = ""] = found.stdout.split("\n");
    if (found.code !== 0 || principal === "") {
      throw new HornetError(
        `${path}.sig on ${droplet} is damaged, or of nobody in hornet:snapshot.signers: ${found.stderr.trim()}`,
      );
    }
    const argv = ["-Y", "verify", "-f", list, "-I", principal, "-n", NAMESPACE, "-s", file];
    const { code, stderr, stdout } = await sshKeygen(argv, text);
    if (code !== 0) {
      const output = `${stdout} ${stderr}`.trim();
      throw new HornetError(`${path} on ${droplet} is not what ${principal} signed (manifest.json.sig): ${output}`);
    }
    return principal;
  } finally {
    own.remove();
  }
}

function sshKeygen(argv: readonly string[], input: string): Promise<Captured> {
  return capture(["ssh-keygen", ...argv], { input });
}
