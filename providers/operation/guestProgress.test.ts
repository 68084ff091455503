import type { GuestEvent, QuestionState } from "../../host/session/guestWatch";
import { GuestProgress } from "./guestProgress";

const state = (name: QuestionState, text = ""): GuestEvent => ({ what: "state", state: name, text });

test("progress of a slow guest names what its console and ssh do, and for how long", () => {
  const guest = new GuestProgress("ready", 0);
  expect(guest.words(12_000)).toBe('its console has not said "ready" for 12 s');
  guest.hear({ what: "said" }, 13_000);
  expect(guest.words(15_000)).toBe("console says ready, no connection to its ssh for 2 s");
  guest.hear(state("connected"), 20_000);
  expect(guest.words(60_000)).toBe("console says ready, ssh connected, no banner for 40 s");
  guest.hear(state("banner", "SSH-2.0-dropbear"), 61_000);
  expect(guest.words(64_000)).toBe("console says ready, ssh says SSH-2.0-dropbear, no host key for 3 s");
});

test.each([
  [state("connecting"), "ssh has taken no connection for 5 s"],
  [state("refused"), "ssh has refused connections for 5 s"],
  [state("closed"), "ssh has closed connections without a banner for 5 s"],
  [state("endless"), "ssh sends lines without an end in place of a banner"],
  [state("working"), "ssh connected, not done for 5 s"],
  [{ what: "answered" } as const, "ssh answers without an ed25519 host key"],
])("progress of a guest with ssh alone: %j", (event, words) => {
  const guest = new GuestProgress(undefined, 0);
  guest.hear(event, 1000);
  expect(guest.words(6000)).toBe(words);
});

test("lines come after ten seconds, and then each time the elapsed time has doubled", () => {
  const guest = new GuestProgress(undefined, 0);
  const said = Array.from({ length: 100 }, (_, at) => at * 1000).filter((now) => guest.line(now) !== undefined);
  expect(said).toEqual([10_000, 20_000, 40_000, 80_000]);
});
