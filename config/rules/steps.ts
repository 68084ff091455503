/** Rules about the user's own steps. */
import { finding, rule, type Rule } from "./rule";
import { EXAMPLE_HOST_KEY } from "../schema/droplet";

const EXAMPLE = [{ name: "register", on: "operator", create: "./register $CLONE" }];

export const stepRules: readonly Rule[] = [
  rule("each step must have a name of its own", [["steps"]], ({ steps }) => {
    const names = steps.map(({ name }) => name);
    const twice = [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
    return twice.map((name) => finding(["steps"], `has more than one step ${name}`, EXAMPLE));
  }),
  rule("each step must have a command", [["steps"]], ({ steps }) =>
    steps
      .filter((step) => [step.create, step.identity, step.delete].every((command) => command === undefined))
      .map(({ name }) => finding(["steps"], `step ${name} does nothing: set create, identity or delete`, EXAMPLE)),
  ),
  rule(
    "each step must be for clones of this fleet",
    [["steps"], ["fleet", "count"], ["fleet", "startId"]],
    ({ steps, fleet: { startId, count } }) =>
      steps.flatMap(({ name, clones = [] }) =>
        clones
          .filter((id) => id < startId || id >= startId + count)
          .map((id) => {
            const ids = count === 0 ? "is empty" : `has the ids ${startId} to ${startId + count - 1}`;
            return finding(["steps"], `step ${name} is for clone ${id}, but the fleet ${ids}`, EXAMPLE);
          }),
      ),
  ),
  rule(
    "steps on the droplet and in clones need hornet:droplet.hostKey",
    [["steps"], ["droplet", "host"], ["droplet", "hostKey"]],
    ({ steps, droplet }) => {
      if (droplet?.host === undefined || droplet.hostKey !== undefined) return [];
      const remote = steps.find(({ on }) => on !== "operator");
      if (remote === undefined) return [];
      // Without a key @pulumi/command accepts any host, and hands it the clone's connection.
      const problem = `is not set, but step ${remote.name} runs on the ${remote.on}: @pulumi/command does not read known_hosts`;
      return [finding(["droplet", "hostKey"], problem, EXAMPLE_HOST_KEY)];
    },
    { showsNoValue: true },
  ),
];
