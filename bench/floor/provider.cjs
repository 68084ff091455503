// @ts-check
"use strict";
/** A provider that does nothing. */

/** @typedef {Record<string, unknown>} Bag */

/** @param {Bag} inputs */
const made = (inputs) => ({ ...inputs, done: "yes" });

module.exports = {
  /** @param {Bag} _olds @param {Bag} news */
  check: async (_olds, news) => ({ inputs: news }),
  diff: async () => ({ replaces: [], deleteBeforeReplace: true }),
  /** @param {Bag} inputs */
  create: async (inputs) => ({ id: String(inputs.name), outs: made(inputs) }),
  /** @param {string} id @param {Bag} props */
  read: async (id, { done, ...inputs }) => ({ id, props: { ...inputs, done }, inputs }),
  /** @param {string} _id @param {Bag} _olds @param {Bag} news */
  update: async (_id, _olds, news) => ({ outs: made(news) }),
  delete: async () => undefined,
};
