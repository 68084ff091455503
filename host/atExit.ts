/** Signals that end the process unless another listener handles them; the engine ends its providers with SIGINT. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

// One set per process: a set for each caller would add a listener for each, and onSignal() could not distinguish Hornet's
// listeners from others'.
// eslint-disable-next-line hornet/no-module-state
const cleanUps = new Set<() => void>();

/**
 * Runs `cleanUp` when this process exits or is ended by a signal, but not when it is killed.
 *
 * @returns cancels it
 */
export function atExit(cleanUp: () => void): () => void {
  if (cleanUps.size === 0) {
    process.once("exit", runAll);
    // Before the others: a listener of once() is no longer counted when those behind it are called.
    for (const signal of SIGNALS) process.prependListener(signal, onSignal);
  }
  cleanUps.add(cleanUp);
  return () => {
    if (!cleanUps.delete(cleanUp) || cleanUps.size > 0) return;
    process.off("exit", runAll);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

function runAll(): void {
  for (const cleanUp of cleanUps) cleanUp();
}

/** Node runs no exit listener when a signal ends the process. If others listen too, they decide whether the process ends. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  runAll();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}
