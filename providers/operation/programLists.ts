import { parsePrograms, pathsOf, type ProgramPaths, type Programs } from "../../firecracker/programs";
import { jailerVar, type JailerSetting } from "../../firecracker/jailer";
import type { Session } from "../../host/session/session";

/** The Firecracker programs on a droplet: the operation asks each for its version once. */
export class ProgramLists {
  private readonly lists = new Map<string, Promise<Programs>>();

  constructor(private readonly session: () => Pick<Session, "call">) {}

  /** The programs at these paths, and the jailers beside them or at the path that the setting names. */
  at(firecracker: ProgramPaths, jailer: JailerSetting = "auto"): Promise<Programs> {
    const paths = pathsOf(firecracker).join("\n");
    const key = `${jailerVar(jailer)}\n${paths}`;
    const known = this.lists.get(key);
    if (known !== undefined) return known;
    const list = this.session()
      .call({
        what: "ask Firecracker for its version",
        run: "list_programs",
        vars: { firecracker: paths, jailer: jailerVar(jailer) },
      })
      .then(parsePrograms);
    this.lists.set(key, list);
    // If the droplet did not answer, the next clone asks again.
    list.catch(() => this.lists.delete(key));
    return list;
  }
}
