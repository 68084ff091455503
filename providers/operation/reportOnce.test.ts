import { ConnectionError, HornetError } from "../../host/errors";
import { Reports } from "./reportOnce";

test("an operation reports once why a droplet cannot be reached, and refers to that afterwards", () => {
  const reports = new Reports();
  const unreachable = (): ConnectionError =>
    new ConnectionError("cannot use a: refused", { again: "cannot use a, as said" });
  expect(reports.shortened(unreachable()).message).toBe("cannot use a: refused");
  expect(reports.shortened(unreachable()).message).toBe("cannot use a, as said");
  expect(
    reports.shortened(new ConnectionError("cannot use b: refused", { again: "cannot use b, as said" })).message,
  ).toContain("b: refused");
  // One that has nothing shorter to say, and all others, say the same again.
  for (const error of [new ConnectionError("lost"), new HornetError("no room"), new HornetError("no room")])
    expect(reports.shortened(error)).toBe(error);
  expect(reports.shortened(new ConnectionError("lost")).message).toBe("lost");
  expect(new Reports().shortened(unreachable()).message).toBe("cannot use a: refused");
});
