/** setTimeout fires after 1 ms, with only a warning, if its delay exceeds a signed 32 bit number of ms (24.8 days). */
const LONGEST = 2 ** 31 - 1;

/** A timer that was started. */
export interface Timer {
  /** Stops it for ever. */
  cancel(): void;
  /** Lets node end while it runs. */
  unref(): Timer;
}

/** Calls `act` once after `ms` milliseconds, which may exceed 24.8 days; never if `ms` is Infinity. */
export function startTimer(ms: number, act: () => void): Timer {
  const deadline = Date.now() + ms;
  let referenced = true;
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const left = deadline - Date.now();
    handle = setTimeout(() => (left > LONGEST ? arm() : act()), Math.min(Math.max(left, 0), LONGEST));
    if (!referenced) handle.unref();
  };
  arm();
  const timer: Timer = {
    cancel: () => clearTimeout(handle),
    unref: () => {
      referenced = false;
      handle.unref();
      return timer;
    },
  };
  return timer;
}

/** Waits `ms` milliseconds, which may exceed 24.8 days, or until the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const timer = startTimer(ms, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    const stop = (): void => {
      timer.cancel();
      resolve();
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}
