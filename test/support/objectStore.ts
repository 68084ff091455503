/** An S3-like object store on 127.0.0.1: the server of the Python package moto, which keeps all in its memory. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const PROGRAM = "moto_server";
const BUCKET = "state";
/** The server checks no signature, but gives an object to nobody who does not sign. */
const AUTHORIZATION =
  "AWS4-HMAC-SHA256 Credential=of/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=tests";

/** A running store. */
export interface ObjectStore {
  /** The URL of a Pulumi backend in it. */
  readonly url: string;
  /** The credentials that a client of it needs. */
  readonly env: Readonly<Record<string, string>>;
  /** The texts of the objects whose names begin so. */
  readonly read: (prefix: string) => Promise<string[]>;
  readonly end: () => Promise<void>;
}

/** Whether a store can be started on this machine: `pip install 'moto[server]'`. */
export function hasObjectStore(): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, PROGRAM), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Starts a store with one bucket. */
export async function startObjectStore(): Promise<ObjectStore> {
  const server = spawn(PROGRAM, ["-H", "127.0.0.1", "-p", "0"], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(server, "exit");
  const end = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) server.kill("SIGTERM");
    await ended;
  };
  try {
    const address = await addressIn(server.stderr);
    const made = await fetch(`${address}/${BUCKET}`, { method: "PUT" });
    if (!made.ok) throw new Error(`the object store makes no bucket: ${made.status} ${await made.text()}`);
    const get = async (key: string): Promise<string[]> => {
      const object = await fetch(`${address}/${BUCKET}/${key}`, { headers: { Authorization: AUTHORIZATION } });
      const text = await object.text();
      if (object.ok) return [text];
      // It may be gone since it was listed.
      if (object.status === 404) return [];
      throw new Error(`the object store does not give ${key}: ${object.status} ${text}`);
    };
    const read = async (prefix: string): Promise<string[]> => {
      const listed = await fetch(`${address}/${BUCKET}?list-type=2&prefix=${encodeURIComponent(prefix)}`);
      const keys = [...(await listed.text()).matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = ""]) => key);
      return (await Promise.all(keys.map(get))).flat();
    };
    return {
      url: `s3://${BUCKET}?endpoint=${address}&s3ForcePathStyle=true&region=us-east-1`,
      env: { AWS_ACCESS_KEY_ID: "of", AWS_SECRET_ACCESS_KEY: "tests" },
      read,
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The address that a server says that it listens on. It goes on reading, or a full pipe would stop the server. */
function addressIn(output: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    output.setEncoding("utf8");
    output.on("data", (text: string) => {
      said = (said + text).slice(-10_000);
      const [, address] = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said) ?? [];
      if (address !== undefined) resolve(address);
    });
    output.on("end", () => reject(new Error(`${PROGRAM} ended: ${said}`)));
  });
}
