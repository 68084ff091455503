/** A droplet that lies: its answers are those of a healthy one, its streams are what a test makes of them. */
import { execFileSync } from "node:child_process";
import type { SshConnection } from "../../model/connection";
import type { Stage } from "./scratchStage";

const home = "/opt/hostile";

/** Bytes of a frame before compression (droplet/artifact/pack.pl); one without data closes its file at that size. */
export function frame(name: string, at: number, data: Buffer | string = ""): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([Buffer.from(`${name} ${at} ${bytes.length}\n`), bytes]);
}

/** As an honest source compresses it. */
export function compressed(...parts: readonly Buffer[]): Buffer {
  return execFileSync("zstd", ["-q", "-c", "-1", "-"], { input: Buffer.concat(parts), maxBuffer: 1 << 28 });
}

/** In a script: writes the marked line that precedes a stream (droplet/core/common.sh). */
export const greet = `printf '\\036begins %s\\n' "$key"`;

/**
 * A user of a stage's droplet whose login shell belongs to the attacker. `script` runs instead of the sender of a snapshot, with
 * `$home/stream` beside it, and the key of its stream in `$key`; every other command runs as it should.
 */
export class HostileSource {
  private constructor(
    private readonly stage: Stage,
    readonly connection: SshConnection,
  ) {}

  static async begin(stage: Stage): Promise<HostileSource> {
    await stage.run(`mkdir -p ${home}
      cat >${home}/shell <<'END'
#!/bin/bash
export home=${home}
shift
if [[ $1 == *serve_stream* ]]; then
  IFS= read -r length
  head -c "$length" >/dev/null
  IFS=' ' read -r key length
  export key
  exec bash "$home/script"
fi
exec bash -c "\${1//sudo -n /}"
END
      chmod 755 ${home}/shell
      echo 'mallory:x:0:0::/root:${home}/shell' >>/etc/passwd; echo 'mallory:*:1::::::' >>/etc/shadow`);
    return new HostileSource(stage, { ...stage.droplet.connection, user: "mallory" });
  }

  /** What its next streams are. */
  async sends(script: string, stream: Buffer = Buffer.alloc(0)): Promise<void> {
    await this.stage.run(`base64 -d >${home}/stream <<'END'\n${stream.toString("base64")}\nEND
      cat >${home}/script <<'END'\n${script}\nEND`);
  }

  async end(): Promise<void> {
    await this.stage.run(`rm -rf ${home}; sed -i /^mallory:/d /etc/passwd /etc/shadow`);
  }
}
