// @ts-check
"use strict";
/**
 * The providers of states that a Hornet before 0.2.0 wrote: they refuse everything, before anything is touched. Such a
 * state has other resources and other properties than today's, and names this file.
 */
const REFUSAL =
  "a Hornet before 0.2.0 wrote this stack's state, and this Hornet does not read it; next: run `pulumi destroy` with the " +
  "checkout that wrote it, then `pulumi up` with this one";

let refused = false;

async function refuse() {
  const error = new Error(refused ? "the same holds for this resource" : REFUSAL);
  refused = true;
  // The SDK prints the stack of an error; a user's error has none.
  error.stack = "";
  throw error;
}

const methods = ["check", "diff", "create", "read", "update", "delete"];
const provider = Object.fromEntries(methods.map((method) => [method, refuse]));

module.exports = new Proxy({ REFUSAL }, { get: (own, kind) => (kind === "REFUSAL" ? own.REFUSAL : provider) });
