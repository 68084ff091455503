import { jailerFor, type JailerSetting } from "../../firecracker/jailer";
import { newestOf, type Programs } from "../../firecracker/programs";

/** What is to be said of the jail that VMMs get on a droplet. */
export function judgeJail(
  programs: Programs,
  setting: JailerSetting,
  say: { readonly fault: (text: string) => void; readonly warn: (text: string) => void },
): void {
  const newest = newestOf(programs.found);
  if (newest === undefined || setting === "off") return;
  const jailer = jailerFor(programs, newest, setting);
  if (jailer === undefined && setting !== "auto") {
    say.fault(`there is no jailer at ${setting} (hornet:vmm.jailer)`);
  } else if (jailer === undefined) {
    say.warn(
      `there is no jailer ${newest.version} beside ${newest.path}: VMMs run as root there, and a guest that breaks out of ` +
        "its VMM is root on the droplet; install the jailer of the same release beside it, or accept that with " +
        "hornet:vmm.jailer: off",
    );
  } else if (jailer.version !== newest.version) {
    say.warn(
      `the jailer at ${jailer.path} is ${jailer.version}, and Firecracker is ${newest.version}: install both of one release`,
    );
  }
}
