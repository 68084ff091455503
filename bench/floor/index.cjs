// @ts-check
"use strict";
/**
 * The engine floor: the resources that FLOOR_SHAPE lists, with their parents and dependencies, and nothing behind them.
 * An `up` of Hornet with the same resources cannot be faster than an `up` of this. With FLOOR_LOADED they also have the
 * properties of Hornet's resources.
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
