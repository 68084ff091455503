// @ts-check
"use strict";
/**
 * The engine floor: the resources that FLOOR_SHAPE lists, with their parents and dependencies, and nothing behind them.
 * What an `up` of this takes, one of Hornet with the same resources cannot do without. With FLOOR_LOADED they have the
 * properties of Hornet's too.
 */
const { readFileSync } = require("node:fs");
const pulumi = require("@pulumi/pulumi");

/** One line of the shape, as bench/support/shape.ts reads it from a stack's state. */
/** @typedef {{ urn: string, type: string, name: string, custom: boolean, parent?: string, dependencies: string[], deletedWith?: string, inputs: Record<string, unknown> }} Entry */

class Idle extends pulumi.CustomResource {
  /**
   * @param {Entry} entry
   * @param {pulumi.CustomResourceOptions} opts
   */
  constructor({ type, name, inputs }, opts) {
    const text = "exports.handler=()=>require('./provider.cjs')";
    const load = process.env.FLOOR_LOADED === undefined ? {} : inputs;
    super(type, name, { ...load, name, done: undefined, __provider: text }, opts);
  }
}

/** @type {Entry[]} */
const shape = JSON.parse(readFileSync(process.env.FLOOR_SHAPE ?? "", "utf8"));
/** @type {Map<string | undefined, pulumi.Resource>} */
const made = new Map();
for (const entry of shape) {
  /** @param {string | undefined} urn */
  const known = (urn) => made.get(urn);
  const parent = known(entry.parent);
  const deletedWith = known(entry.deletedWith);
  const dependsOn = entry.dependencies.flatMap((urn) => known(urn) ?? []);
  const opts = { ...(parent && { parent }), ...(deletedWith && { deletedWith }), dependsOn };
  const resource = entry.custom
    ? new Idle(entry, opts)
    : new pulumi.ComponentResource(entry.type, entry.name, {}, opts);
  made.set(entry.urn, resource);
}
