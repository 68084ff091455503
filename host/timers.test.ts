import { sleep, startTimer } from "./timers";

const DAY = 24 * 3600 * 1000;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test.each([1, 2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 2_200_000_000, 2 ** 32 + 5, 400 * DAY])(
  "a timer of %d ms fires then and not before",
  (ms) => {
    const act = jest.fn();
    startTimer(ms, act);
    jest.advanceTimersByTime(ms - 1);
    expect(act).toHaveBeenCalledTimes(0);
    jest.advanceTimersByTime(1);
    expect(act).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(500 * DAY);
    expect(act).toHaveBeenCalledTimes(1);
  },
);

test("neither an endless timer fires, nor one that is cancelled after its first part", () => {
  const act = jest.fn();
  const timer = startTimer(100 * DAY, act);
  startTimer(Infinity, act);
  jest.advanceTimersByTime(60 * DAY);
  timer.cancel();
  jest.advanceTimersByTime(200 * DAY);
  expect(act).not.toHaveBeenCalled();
});

test("a sleep ends after its time or with its signal", async () => {
  const abort = new AbortController();
  const [long, short] = [sleep(30 * DAY, abort.signal), sleep(10)];
  jest.advanceTimersByTime(10);
  await short;
  abort.abort();
  await long;
  expect(jest.getTimerCount()).toBe(0);
  await sleep(30 * DAY, abort.signal);
});
