import { namedStack, refuseOtherStack, stackOf, takesConfigFile } from "./arguments";

const split = (line: string): string[] => line.split(" ");

test.each([
  ["up -s dev", "dev"],
  ["up --stack dev", "dev"],
  ["up --stack=prod", "prod"],
  ["up -sdev", "dev"],
  ["-C . stack select dev", "dev"],
  ["stack select dev", "dev"],
  ["stack init --no-select qa", "qa"],
  ["stack output clones", "local"],
  ["config set hornet:fleet.count 3 --path", "local"],
  ["config set hornet:identity.env.X -- -s", "local"],
  ["up", "local"],
])("pulumi %s is for the stack %s", (line, stack) => {
  expect(stackOf(split(line))).toBe(stack);
});

test("PULUMI_STACK counts where the command line names no stack", () => {
  process.env.PULUMI_STACK = "dev";
  try {
    expect(stackOf(["up"])).toBe("dev");
    expect(stackOf(["up", "-s", "prod"])).toBe("prod");
  } finally {
    delete process.env.PULUMI_STACK;
  }
});

test.each([
  ["up --yes", true],
  ["config set a b", true],
  ["--color always -s local preview", true],
  ["-v 3 stack output", false],
  ["stack output", false],
  ["up --config-file x.yaml", false],
  ["up --config-file=x.yaml", false],
])("pulumi %s takes our config file: %s", (line, expected) => {
  expect(takesConfigFile(split(line))).toBe(expected);
});

test("npm run up refuses another stack and names the command for it", () => {
  expect(() => refuseOtherStack("destroy", ["-s", "prod"])).toThrow("npm run pulumi -- destroy -s prod");
  refuseOtherStack("up", ["-s", "local"]);
  expect(namedStack(["--diff"])).toBeUndefined();
});
