/** The limits of a VMM, and the rates of its devices, as a config declares them. */
import { z } from "zod";

const UNITS: Readonly<Record<string, number>> = {
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  kbit: 1000 / 8,
  mbit: 1000 ** 2 / 8,
  gbit: 1000 ** 3 / 8,
};

/** Bytes of a text such as `50MiB` or `100mbit`; NaN for any other text. */
export function bytesIn(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([kmg](?:ib|bit))$/i.exec(text) ?? [];
  const bytes = Math.round(Number(number) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  return number !== "" && Number.isSafeInteger(bytes) ? bytes : Number.NaN;
}

const SIZE = "must be a number and KiB, MiB or GiB, such as 50MiB";
const RATE = "must be a number and kbit, mbit, gbit, KiB, MiB or GiB per second, such as 100mbit";
const LEAST_FILE = 8 * 1024 ** 2;

const size = z.string().refine((text) => !/bit$/i.test(text) && bytesIn(text) >= 1, SIZE);
const rate = z.string().refine((text) => bytesIn(text) >= 1, RATE);
const fileSize = z.string().refine((text) => !/bit$/i.test(text) && bytesIn(text) >= LEAST_FILE, SIZE);
const perSecond = z.int().min(1).max(1_000_000_000);

/** What one VMM may use of the droplet. */
const limits = {
  cpus: z.number().min(0.01).max(1024).optional().meta({
    description: "CPU time, in cores (cgroup). Default: not limited.",
    type: "number, 0.01 to 1024",
    example: 0.5,
  }),
  memory: z.int().min(16).max(16_777_216).optional().meta({
    description:
      "Memory, in MiB (cgroup): the pages that the guest has written, the VMM's own, and the page cache of files that it read first. The kernel ends a VMM that needs more. Default: not limited.",
    example: 320,
  }),
  swap: z.boolean().optional().meta({
    description:
      "Whether the kernel may swap the guest's memory out (cgroup). Default: it may, but not with hornet:droplet.harden.",
    type: "true or false",
    example: false,
  }),
  pids: z.int().min(8).max(4_194_304).meta({
    description: "Threads and processes (cgroup). A VMM has two threads and one per virtual CPU.",
    example: 64,
  }),
  files: z.int().min(64).max(1_048_576).meta({ description: "Open files of the VMM.", example: 256 }),
  fileSize: z.union([z.literal("auto"), fileSize]).meta({
    description:
      "The size to which the VMM can make a file grow. auto: the size of the clone's disk or of the guest's memory, whichever is larger, and 64 MiB.",
    type: "auto, or a size such as 2GiB",
    problem: "must be auto, or at least 8MiB: a number and KiB, MiB or GiB",
    example: "auto",
  }),
};

const network = z
  .strictObject({
    rx: rate.optional().meta({ description: "Bytes or bits per second to the guest.", example: "100mbit" }),
    tx: rate.optional().meta({ description: "Bytes or bits per second from the guest.", example: "100mbit" }),
    burst: size.optional().meta({
      description: "What each direction may transfer once, in addition to its rate.",
      example: "10MiB",
    }),
    packets: perSecond.optional().meta({ description: "Packets per second, in each direction.", example: 20000 }),
  })
  .optional()
  .meta({
    description:
      "The clone's own network interface. Default: not limited, or as the snapshot has it. Once this key is set, a direction that it does not name is not limited.",
    example: { rx: "100mbit", tx: "100mbit" },
  });

const disk = z
  .strictObject({
    bytes: size.optional().meta({ description: "Bytes per second, read and written.", example: "50MiB" }),
    burst: size.optional().meta({
      description: "What the guest may read and write once, in addition to the rate.",
      example: "200MiB",
    }),
    operations: perSecond.optional().meta({ description: "Reads and writes per second.", example: 2000 }),
  })
  .optional()
  .meta({
    description:
      "The clone's own disk. Default: not limited, or as the snapshot has it. Once this key is set, what it does not name is not limited.",
    example: { bytes: "50MiB", operations: 2000 },
  });

const serial = size.meta({
  description:
    "Bytes per second that the guest can write to its serial console; Firecracker drops the rest (1.16 and later). A change takes effect at the VMM's next start.",
  example: "1MiB",
});

/** The limits of a fleet's VMMs. The defaults are far above what a VMM needs. */
export const limitFields = {
  ...limits,
  pids: withDefault(limits.pids, 256),
  files: withDefault(limits.files, 2048),
  fileSize: withDefault(limits.fileSize, "auto"),
};
/** The rates of a fleet's devices. */
export const rateFields = { network, disk, serial: withDefault(serial, "1MiB") };

/** The limits of one clone; the fleet's hold where it names none. */
export const ownLimitFields = {
  ...limits,
  pids: withoutDefault(limits.pids),
  files: withoutDefault(limits.files),
  fileSize: withoutDefault(limits.fileSize),
};
/** The rates of one clone. */
export const ownRateFields = { network, disk, serial: withoutDefault(serial) };

function withDefault<Field extends z.ZodType>(field: Field, value: z.util.NoUndefined<z.output<Field>>) {
  return field.default(value).meta({ ...field.meta() });
}

function withoutDefault<Field extends z.ZodType>(field: Field) {
  return field.optional().meta({ ...field.meta() });
}

/** See {@link limitFields}. */
export const limitsSchema = z.strictObject(limitFields);
export type Limits = z.output<typeof limitsSchema>;
/** See {@link rateFields}. */
export const ratesSchema = z.strictObject(rateFields);
export type Rates = z.output<typeof ratesSchema>;
