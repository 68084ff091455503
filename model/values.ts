import { z } from "zod";
import { absolutePathProblem, runtimeDirProblem, UNKEPT_KEY } from "./formats";
import { parseCidr } from "./addresses";

/** A link's name: at most 15 bytes (IFNAMSIZ - 1, linux/if.h), none of the characters that the kernel refuses. */
export const interfaceName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,15}$/, "must be an interface name of at most 15 characters")
  .refine((name) => name !== "." && name !== ".." && !name.startsWith("-"), "must be an interface name");

/** A network namespace's name; Firecracker takes it as its id too: letters, digits and hyphens, at most 64. */
export const namespaceName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/, "must be letters, digits and hyphens, at most 63");

/** An absolute path, as model/formats.ts has it. */
export const absolutePath = z.string().superRefine(judgedBy(absolutePathProblem));

/** The folder of a fleet's sockets. */
export const socketFolder = z.string().superRefine(judgedBy(runtimeDirProblem));

/** A text that the stack's config would judge by the same function. */
function judgedBy(problemOf: (text: string) => string | undefined) {
  return (text: string, context: z.RefinementCtx): void => {
    const problem = text.startsWith("/")
      ? text.split("/").includes("..")
        ? "must not hold .."
        : problemOf(text)
      : "must be an absolute path";
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  };
}

/** A mapping with the key that the parser would leave out in silence is refused before it is read. */
export function keepingAllKeys<Schema extends z.ZodType>(schema: Schema): z.ZodType<z.output<Schema>, z.input<Schema>> {
  return z
    .unknown()
    .superRefine((value, context) => {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, UNKEPT_KEY)) return;
      context.addIssue({ code: "custom", message: `no key may be named ${UNKEPT_KEY}` });
    })
    .pipe(schema) as unknown as z.ZodType<z.output<Schema>, z.input<Schema>>;
}

/** Where Firecracker is on a droplet: a program, a folder with several versions, or a list of both. */
export const programPaths = z.union([absolutePath, z.array(absolutePath).min(1)]);

/** An IPv4 address with its prefix: `10.0.0.1/24`. */
export const cidr = z
  .string()
  .refine((text) => parseCidr(text) !== undefined, "must be an IPv4 address with a prefix, like 10.0.0.1/24");

/** An IPv4 address. */
export const ipv4 = z.ipv4("must be an IPv4 address");

/** A MAC address in the kernel's spelling. */
export const mac = z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, "must be a MAC address in lower case");
