/** What a droplet says of itself, where it cannot be believed. */
import { HornetError } from "./errors";

export function unreadable(why: string): HornetError {
  return new HornetError(`the droplet's description of itself cannot be read: ${why}`);
}

/** A number that plans may compare and compute with. */
export function wholeNumber(text: string): number {
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) throw unreadable(`${text} is no number`);
  return value;
}
