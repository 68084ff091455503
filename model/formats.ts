/**
 * The formats of single values. Each function returns the problem as the rest of a sentence ("must be …"), or undefined. None
 * repeats the value: the maker of the fault decides whether to show it.
 */
import { isIPv6 } from "node:net";
import * as path from "node:path";
import { type Cidr, isHost, networkText, overlaps, parseAddress, parseCidr } from "./addresses";

/** Control characters, and invisible ones that change a terminal's output, such as bidirectional overrides. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
/** PATH_MAX and NAME_MAX of linux/limits.h, without the NUL. */
const LONGEST_PATH = 4095;
const LONGEST_NAME = 255;
/** Networks that neither the bridge nor the guests can use. The guests' metadata service is in 169.254.0.0/16. */
const RESERVED = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"].map((text) => parseCidr(text));

/** An absolute path in its shortest spelling. The file itself is on the droplet. */
export function absolutePathProblem(text: string): string | undefined {
  if (CONTROL.test(text)) return "must be a path without control characters";
  if (!text.startsWith("/")) return "must be an absolute path, starting with /";
  if (text === "/") return "must be a path below /, not / itself";
  if (text.endsWith("/") || path.posix.normalize(text) !== text) {
    return 'must be a path in its shortest spelling: no "//", "/./", "/../" and no "/" at the end';
  }
  const long = Buffer.byteLength(text) > LONGEST_PATH;
  return long || text.split("/").some((name) => Buffer.byteLength(name) > LONGEST_NAME)
    ? `must be a path of at most ${LONGEST_PATH} bytes, with names of at most ${LONGEST_NAME}`
    : undefined;
}

/** Folders in which the kernel shows itself: it keeps no files there. */
const OF_KERNEL = /^\/(proc|sys|dev(?!\/shm(\/|$)))(\/|$)/;
/** Folders that are the system's, or of many programs. */
const OF_SYSTEM =
  /^\/(bin|boot|dev\/shm|etc|home|lib\d*|media|mnt|opt|root|run|sbin|srv|tmp|usr(\/(bin|lib|local|sbin|share))?|var(\/(cache|lib|log|run|spool|tmp))?)$/;

/** An absolute path, and short: a socket's path may have 107 bytes, and `/vm123456/firecracker.socket` follows it. */
export function runtimeDirProblem(text: string): string | undefined {
  if (Buffer.byteLength(text) > 64) return "must be a path of at most 64 bytes, as sockets are made below it";
  const problem = absolutePathProblem(text);
  if (problem !== undefined) return problem;
  if (OF_KERNEL.test(text)) return "must be a path outside of /proc, /sys and /dev";
  if (OF_SYSTEM.test(text)) return "must be a folder of Hornet's own, below that one";
  // Lines of requests, addresses of sockets and blank-separated lists contain it.
  return /^[A-Za-z0-9/._@+-]+$/.test(text) ? undefined : 'must be a path of letters, digits and "/._@+-"';
}

/** A path on the operator's machine: absolute, or below their home. */
export function keyPathProblem(text: string): string | undefined {
  if (text.includes("${")) return 'must be a path without "${", which ssh reads as a variable';
  if (text.startsWith("~/") && absolutePathProblem(text.slice(1)) === undefined) return undefined;
  return absolutePathProblem(text) && 'must be an absolute path or one starting with "~/", in its shortest spelling';
}

/** A network namespace's name, which is also a file in /run/netns, Firecracker's id and a guest's host name. */
export function namespaceNameProblem(text: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(text)
    ? undefined
    : 'must be letters, digits and "-", at most 63, not starting with "-"';
}

/** An owner label: it becomes the alias of links, a comment in nft and a part of file names (model/owner.ts). */
export function ownerLabelProblem(text: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9/._:-]{0,222}$/.test(text)
    ? undefined
    : 'must be an owner label of at most 223 letters, digits and "/._:-"';
}

/** An id of a device in Firecracker's API. */
export function deviceIdProblem(text: string): string | undefined {
  return /^[A-Za-z0-9_]{1,64}$/.test(text) ? undefined : 'must be letters, digits and "_", at most 64';
}

/** A name of a network interface. The kernel accepts more characters; these are also safe in every tool's syntax. */
export function interfaceNameProblem(text: string): string | undefined {
  if (text.length > 15) return `must be an interface name of at most 15 characters (these are ${text.length})`;
  if (["lo", "all", "default"].includes(text)) return "must be an interface name other than lo, all and default";
  // A leading "-" would be an option; "." and ".." are folders in /proc/sys/net; "%" is a pattern to the kernel.
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(text)
    ? undefined
    : 'must be an interface name of letters, digits, "_", "-" and ".", not starting with "-" or "."';
}

/** The Ethernet address of a single interface. */
export function macProblem(text: string): string | undefined {
  const isMac = /^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/.test(text);
  if (!isMac || text === "00:00:00:00:00:00") return "must be a MAC address, six two-digit hex numbers with colons";
  return (parseInt(text.slice(0, 2), 16) & 1) === 1
    ? "must be the MAC address of one interface, not a multicast address (its first number must be even)"
    : undefined;
}

/** An IPv4 address. */
export function addressProblem(text: string): string | undefined {
  return parseAddress(text) === undefined ? "must be an IPv4 address" : undefined;
}

/** An interface's IPv4 address with the length of its network's prefix. */
export function interfaceAddressProblem(text: string): string | undefined {
  const cidr = parseCidr(text);
  if (cidr === undefined) return "must be an IPv4 address with a prefix";
  if (cidr.prefix < 8 || cidr.prefix > 30) return "must have a prefix from /8 to /30";
  if (!isHost(cidr, cidr.address)) {
    return `must be the interface's own address, neither the network's nor the broadcast address of ${networkText(cidr)}`;
  }
  const reserved = RESERVED.find((network) => network !== undefined && overlaps(network, cidr));
  return reserved && `must not lie in ${networkText(reserved)}, which is reserved`;
}

/** A network as rules name it: no host bits. */
export function networkProblem(text: string): string | undefined {
  const cidr = parseCidr(text);
  if (cidr === undefined) return "must be an IPv4 network with a prefix (a single address has /32)";
  return hasHostBits(cidr, text) ? `must be a network without host bits: ${networkText(cidr)}` : undefined;
}

function hasHostBits(cidr: Cidr, text: string): boolean {
  return networkText(cidr) !== text;
}

/** A host to connect to: name, IPv4 or IPv6 address. Never an option, a user or a port. */
export function hostProblem(text: string): string | undefined {
  if (parseAddress(text) !== undefined || isIPv6(text)) return undefined;
  const labels = text.split(".");
  const isName =
    text.length <= 253 && labels.every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label));
  // A last label of digits only is a mistyped address: no top-level domain is a number.
  return isName && !/^[0-9]+$/.test(labels.at(-1) ?? "")
    ? undefined
    : "must be a host's name or IP address, without user, port or brackets";
}

/** A login name. */
export function userProblem(text: string): string | undefined {
  return /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(text)
    ? undefined
    : 'must be a login name of at most 32 letters, digits, "_", "-" and ".", starting with a letter or "_"';
}

/** A name that can be a host's name and a folder's. */
export function labelProblem(text: string): string | undefined {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text)
    ? undefined
    : 'must be a name of at most 63 lower-case letters, digits and "-", neither starting nor ending with "-"';
}

/** A stack as Pulumi's stack references name it. */
export function stackProblem(text: string): string | undefined {
  return /^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+){0,2}$/.test(text) && !text.startsWith("-")
    ? undefined
    : 'must be a stack: "dev", "organization/dev" or "organization/project/dev"';
}

/** The digest of an artifact's manifest. */
export function digestProblem(text: string): string | undefined {
  return /^sha256:[0-9a-f]{64}$/.test(text) ? undefined : 'must be "sha256:" and 64 lower-case hex digits';
}

/** Arguments of a kernel's command line. x86 keeps 2048 bytes; Hornet's arguments need the rest. */
export function bootArgsProblem(text: string): string | undefined {
  return /^[\x20-\x7e]{1,1536}$/.test(text) ? undefined : "must be one line of at most 1536 printable ASCII characters";
}

/** Variables that shells set or read themselves, some of them read-only, and those that Hornet sets for hooks. */
const OWN_NAMES =
  /^(_|IFS|OPTIND|OPTARG|PPID|UID|EUID|GROUPS|PWD|OLDPWD|SHLVL|S?RANDOM|SECONDS|LINENO|EPOCH(SECONDS|REALTIME)|SHELLOPTS|BASH|BASHOPTS|BASHPID|BASH_(?!ENV$).*|COMP_.*|FUNCNAME|DIRSTACK|HISTCMD|PIPESTATUS|HORNET_(GENERATION|ACTION))$/;

/** Whether a text has the form of an environment variable's name. */
export function isEnvName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}

/** The key that JavaScript's objects do not keep: parsers drop it silently, or make it the object's prototype. */
export const UNKEPT_KEY = "__proto__";

/** The paths at which a value has that key, in plain objects and lists. */
export function unkeptPaths(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [];
  const isPlain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value) as null);
  if (!isPlain) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === UNKEPT_KEY ? [[...path, key]] : unkeptPaths(inner, [...path, key]),
  );
}

/** The name of an environment variable. */
export function envNameProblem(text: string): string | undefined {
  if (!isEnvName(text)) {
    return 'must be named with letters, digits and "_" only, not starting with a digit';
  }
  return OWN_NAMES.test(text)
    ? "is a name that the guest's shells or Hornet set themselves, so an agent would not see this value: choose another"
    : undefined;
}

/** The value of an environment variable, as text or a problem. YAML's numbers and booleans become text. */
export function envText(value: unknown): { readonly text: string } | { readonly problem: string } {
  if (typeof value === "number" && !Number.isSafeInteger(value) && Number.isInteger(value)) {
    return { problem: "must be in quotes: a number of that size would be rounded" };
  }
  if (typeof value === "number" || typeof value === "boolean") return { text: String(value) };
  if (typeof value !== "string") return { problem: 'must be text (empty text is "")' };
  // Half of a pair is no character, and other JSON parsers refuse it.
  if (/\p{Cs}/u.test(value)) return { problem: "must be text of whole characters (it has half of a surrogate pair)" };
  return value.includes("\0") ? { problem: "must be text without NUL characters" } : { text: value };
}

/** The id of a clone as a key of a mapping. */
export function cloneIdProblem(text: string): string | undefined {
  return /^(0|[1-9][0-9]{0,8})$/.test(text) ? undefined : 'must be the id of a clone, such as "7"';
}

/** A line for a shell. */
export function commandProblem(text: string): string | undefined {
  return text.trim() === "" || CONTROL.test(text)
    ? "must be one line for a shell, without control characters"
    : undefined;
}

/** Bytes of a script: it is one argument of a shell, and the kernel limits an argument to 128 KiB. */
const SCRIPT_LIMIT = 1 << 15;

/** One or more lines for a shell. */
export function scriptProblem(text: string): string | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > SCRIPT_LIMIT) return `must be at most ${SCRIPT_LIMIT} bytes (these are ${bytes}): put it into a file`;
  return text.trim() === "" || /[^\P{Cc}\t\n]/u.test(text)
    ? "must be lines for a shell, without control characters"
    : undefined;
}

/** Text for a program's standard input. */
export function stdinProblem(text: string): string | undefined {
  return text.includes("\0") ? "must be text without NUL characters" : undefined;
}

/** A service of systemd, OpenRC or /etc/init.d. */
export function serviceProblem(text: string): string | undefined {
  return /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/.test(text) && !text.endsWith(".service")
    ? undefined
    : 'must be a service\'s name of at most 64 letters, digits, "_", "-", "." and "@", without ".service"';
}

/** Printable text: whole characters, and none that a terminal interprets or hides. */
export function plainTextProblem(text: string): string | undefined {
  return /^(?:[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|[\n\t])*$/u.test(text)
    ? undefined
    : "must be text without control characters";
}

/** A stack by its whole name. */
export function wholeStackProblem(text: string): string | undefined {
  return /^[^/\s]+\/[^/\s]+\/[^/\s]+$/.test(text)
    ? undefined
    : "must be a whole stack name: ORGANIZATION/PROJECT/STACK";
}
