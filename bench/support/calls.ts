import type { AnyCall } from "../../host/session/call";
import { Session } from "../../host/session/session";
import type { CallRecord } from "./driveTypes";

/** Called when a call begins and, with its record, when it has ended. */
export interface CallObserver {
  begun(call: AnyCall): void;
  ended(call: AnyCall, record: CallRecord): void;
}

/**
 * Times every call of every session of this process from now on; waiting for a lane counts as part of a call.
 *
 * @returns the records, which grow as calls end
 */
export function recordCalls(observer?: CallObserver): CallRecord[] {
  const records: CallRecord[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its session below
  const original = Session.prototype.perform;
  Session.prototype.perform = async function (this: Session, call: AnyCall): Promise<string> {
    const start = performance.now();
    observer?.begun(call);
    try {
      return await original.call(this, call);
    } finally {
      const record = { run: call.run, what: call.what, start, end: performance.now() };
      records.push(record);
      observer?.ended(call, record);
    }
  };
  return records;
}

/** ms from the start of the first to the end of the last of these calls; 0 where there are none. */
export function spanOf(calls: readonly CallRecord[]): number {
  if (calls.length === 0) return 0;
  return Math.max(...calls.map(({ end }) => end)) - Math.min(...calls.map(({ start }) => start));
}
