/** One zod type for each kind of value, with its message. Config, providers and components all use these. */
import { z } from "zod";
import { egressProblem, servicePortProblem } from "./egress";
import * as formats from "./formats";
import { authorizedKeyProblem, hostKeyProblem, normalHostKey, signerProblem } from "./sshKey";

/** A week in seconds, the longest limit: ssh(1) and timers count milliseconds in 32 bits. */
const WEEK = 7 * 24 * 3600;

/** Maximum clones of a fleet: the engine and the plans keep all of them in memory. One droplet carries far fewer. */
export const MOST_CLONES = 10_000;
/** The highest id of a clone: that of the last address in a /8. */
const LAST_ID = 2 ** 24 - 4;
/** Maximum rules of a list for one clone: the kernel tries each in turn. */
export const MOST_RULES = 4096;

/** Text in which `problemOf` finds nothing wrong. */
export function text(problemOf: (value: string) => string | undefined): z.ZodString {
  return z.string().superRefine((value, context) => {
    const problem = problemOf(value);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });
}

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): z.ZodInt {
  return z.int({ abort: true }).min(least).max(most);
}

/** Whole seconds, `least` or more. */
export const seconds = (least: 0 | 1): z.ZodInt => wholeNumber(least, WEEK);

/** A number of clones. */
export const cloneCount = (least: 0 | 1): z.ZodInt => wholeNumber(least, MOST_CLONES);

export const cloneNumber = wholeNumber(0, LAST_ID);
export const port = wholeNumber(1, 65535);
/** Commands that run on a droplet at once. */
export const lanes = wholeNumber(1, 8);

export const interfaceName = text(formats.interfaceNameProblem);
export const namespaceName = text(formats.namespaceNameProblem);
export const interfaceAddress = text(formats.interfaceAddressProblem);
export const network = text(formats.networkProblem);
/** An entry of an egress list, as model/egress.ts reads it. */
export const egressText = text(egressProblem);
/** `8080/tcp` */
export const servicePort = text(servicePortProblem);
export const ipv4 = text(formats.addressProblem);
/** In lower case, as the kernel prints it. */
export const mac = text(formats.macProblem).transform((address) => address.toLowerCase());

export const absolutePath = text(formats.absolutePathProblem);
/** On the operator's machine; it may start with "~/". */
export const operatorPath = text(formats.keyPathProblem);
/** The folder of a fleet's sockets. */
export const socketFolder = text(formats.runtimeDirProblem);
/** Where Firecracker is on a droplet: a program, a folder with several versions, or a list of both. */
export const programPaths = z.union([absolutePath, z.array(absolutePath).min(1).max(64)]);

/** `auto`, `off`, or where Firecracker's jailer is on a droplet. */
export const jailerPath = z.union([z.literal("auto"), z.literal("off"), absolutePath]);
/** Numbers of users: not root's, and none above what the kernel takes for no user. */
export const idRange = z.strictObject({
  first: z.int().min(1000).max(4_294_900_000).meta({ description: "The first number.", example: 70000 }),
  count: z.int().min(1).max(60_000).meta({ description: "How many there are.", example: 10000 }),
});

export const hostName = text(formats.hostProblem);
export const loginName = text(formats.userProblem);
export const label = text(formats.labelProblem);
export const ownerLabel = text(formats.ownerLabelProblem);
export const stackName = text(formats.stackProblem);
export const wholeStackName = text(formats.wholeStackProblem);
export const cloneId = text(formats.cloneIdProblem);
export const deviceId = text(formats.deviceIdProblem);
export const serviceName = text(formats.serviceProblem);
/** One line for a POSIX shell. */
export const commandLine = text(formats.commandProblem);
export const plainText = text(formats.plainTextProblem);
export const bootArguments = text(formats.bootArgsProblem);
export const digest = text(formats.digestProblem);

/** A droplet's public host key, without its comment. */
export const hostKey = text(hostKeyProblem).transform(normalHostKey);
/** Trimmed, because a line from a file may end with a newline. */
export const authorizedKey = text(authorizedKeyProblem).transform((line) => line.trim());
export const signer = text(signerProblem);

/** Names to text. YAML's numbers and booleans become text. */
export const environment = z.record(
  text(formats.envNameProblem),
  z.unknown().transform((value, context) => {
    const result = formats.envText(value);
    if ("text" in result) return result.text;
    context.addIssue({ code: "custom", message: result.problem });
    return z.NEVER;
  }) as z.ZodType<string, string | number | boolean>,
);
