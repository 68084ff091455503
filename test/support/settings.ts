/**
 * What the end-to-end stories run on; `npm run test:kvm` sets these variables. Without them it is the stand-in and the
 * guest of this checkout.
 */
export interface Settings {
  /** Paths on this machine; undefined means what the checkout builds. */
  readonly firecracker: string | undefined;
  readonly kernel: string | undefined;
  readonly rootfs: string | undefined;
  /** A newer Firecracker, to which a fleet is upgraded. */
  readonly next: string | undefined;
  /** The folder with a snapshot of this kernel and rootfs; undefined: each story makes its own. */
  readonly snapshot: string | undefined;
  /** What every limit is multiplied with. */
  readonly timeoutScale: number;
}

/** Reads the variables. */
export function settings(env: NodeJS.ProcessEnv = process.env): Settings {
  return {
    firecracker: env.HORNET_TEST_FIRECRACKER,
    kernel: env.HORNET_TEST_KERNEL,
    rootfs: env.HORNET_TEST_ROOTFS,
    next: env.HORNET_TEST_FIRECRACKER_NEXT,
    snapshot: env.HORNET_TEST_SNAPSHOT,
    timeoutScale: Number(env.HORNET_TEST_TIMEOUT_SCALE ?? "1"),
  };
}

/** Memory of a VM whose guest does nothing, in MiB: a real kernel does not fit into what the stub takes. */
export function smallMemory(): number {
  return settings().kernel === undefined ? 16 : 128;
}

/** A limit in ms for what takes about `seconds` on a busy machine with the stand-in. */
export function limitMs(seconds: number): number {
  return Math.ceil(seconds * settings().timeoutScale * 1000);
}

/** How often a script looks for what comes within so many looks on a busy machine with the stand-in. */
export function looks(count: number): number {
  return Math.ceil(count * settings().timeoutScale);
}
