import { HornetError } from "../../host/errors";
import { SdkStderr } from "./suppressSdkStderr";

test("the SDK does not print a suppressed error, but everything else", () => {
  const said: unknown[] = [];
  const spy = jest.spyOn(console, "error").mockImplementation((...words: unknown[]) => said.push(words.join("|")));
  try {
    const error = new SdkStderr().suppress(new HornetError("the droplet is gone\n  next: look"));
    const another = new HornetError("the droplet is on fire");
    // As cmd/dynamic-provider does.
    for (const one of [error, another]) console.error(`${String(one)}: ${one.stack ?? ""}`);
    console.error(error.message);
    console.error(`${String(error)}: ${error.stack ?? ""}`, "and more");
    expect(said).toEqual([
      "HornetError: the droplet is on fire: ",
      "the droplet is gone\n  next: look",
      "HornetError: the droplet is gone\n  next: look: |and more",
    ]);
  } finally {
    spy.mockRestore();
  }
});
