import { parsePrograms, pathsOf, type ProgramPaths, type Programs } from "../../firecracker/programs";
import type { Session } from "../../host/session/session";

/** The Firecracker programs on a droplet: the operation asks each for its version once. */
export class ProgramLists {
  private readonly lists = new Map<string, Promise<Programs>>();

  constructor(private readonly session: () => Pick<Session, "call">) {}

  /** The programs at these paths. */
  at(firecracker: ProgramPaths): Promise<Programs> {
    const paths = pathsOf(firecracker).join("\n");
    const known = this.lists.get(paths);
    if (known !== undefined) return known;
    const list = this.session()
      .call({ what: "ask Firecracker for its version", run: "list_programs", vars: { firecracker: paths } })
      .then(parsePrograms);
    this.lists.set(paths, list);
    // If the droplet did not answer, the next clone asks again.
    list.catch(() => this.lists.delete(paths));
    return list;
  }
}
