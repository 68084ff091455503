import { ConnectionError, HornetError } from "../../host/errors";
import { forgetSaid, saidOnce } from "./reportOnce";

beforeEach(forgetSaid);

test("that a droplet cannot be reached is told with its reason once, whatever asks", () => {
  const unreachable = (): ConnectionError => new ConnectionError("cannot use a: refused", "cannot use a, as said");
  expect(saidOnce(unreachable()).message).toBe("cannot use a: refused");
  expect(saidOnce(unreachable()).message).toBe("cannot use a, as said");
  expect(saidOnce(new ConnectionError("cannot use b: refused", "cannot use b, as said")).message).toContain(
    "b: refused",
  );
  // One that has nothing shorter to say, and all others, say the same again.
  for (const error of [new ConnectionError("lost"), new HornetError("no room"), new HornetError("no room")])
    expect(saidOnce(error)).toBe(error);
  expect(saidOnce(new ConnectionError("lost")).message).toBe("lost");
  forgetSaid();
  expect(saidOnce(unreachable()).message).toBe("cannot use a: refused");
});
