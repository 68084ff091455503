/** A PostgreSQL server in a folder, as an unprivileged user, reached through a socket in that folder. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** PostgreSQL refuses to run as root. The user must reach the folder, and a root's TMPDIR may be closed. */
const BASE = "/var/tmp";
const DEBIAN = "/usr/lib/postgresql";

/** A running server. */
export interface Postgres {
  /** The URL of a Pulumi backend in it. */
  readonly url: string;
  readonly query: (sql: string) => string;
  readonly end: () => Promise<void>;
}

/** The folder of PostgreSQL's programs: Debian keeps them out of PATH. Undefined if it is not installed. */
export function postgresPrograms(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, "bin")) : [];
  return versions.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

/**
 * Starts a server. Nothing listens on the network.
 *
 * @param programs see {@link postgresPrograms}
 */
export async function startPostgres(programs: string): Promise<Postgres> {
  const folder = mkdtempSync(join(BASE, "hornet-postgres-"));
  const [uid, gid] = ["-u", "-g"].map((flag) => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" })));
  chownSync(folder, uid ?? 0, gid ?? 0);
  chmodSync(folder, 0o700);
  const data = join(folder, "data");
  const as = { uid, gid, cwd: folder };
  execFileSync(join(programs, "initdb"), ["-D", data, "-U", "hornet", "-A", "trust", "--no-sync"], {
    ...as,
    stdio: "ignore",
  });
  const settings = { listen_addresses: "", unix_socket_directories: folder, fsync: "off" };
  const flags = Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  const server = spawn(join(programs, "postgres"), ["-D", data, ...flags], { ...as, stdio: "ignore" });
  const ended = once(server, "exit");
  const query = (sql: string): string =>
    execFileSync(join(programs, "psql"), ["-h", folder, "-U", "hornet", "-d", "postgres", "-Atc", sql], {
      ...as,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  const end = async (): Promise<void> => {
    // A fast shutdown: it ends the connections that are left.
    if (server.exitCode === null && server.signalCode === null) server.kill("SIGINT");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for (;;) {
    try {
      query("select 1");
      return { url: `postgres://hornet@/postgres?host=${folder}&sslmode=disable`, query, end };
    } catch (error) {
      if (server.exitCode === null && server.signalCode === null) await sleep(50);
      else {
        await end();
        throw error;
      }
    }
  }
}
