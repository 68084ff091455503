/**
 * ESLint rule: a module holds no state that changes. What an operation knows hangs on its Operation, and what a process knows on
 * an object that is passed in. A second operation in a process, of a test say, otherwise inherits what the first one knew, and
 * nobody sees at a call what it depends on.
 *
 * At the top level of a module, and in static fields, the rule reports
 * - `let` and `var`,
 * - `new X(…)`, unless the declared type is ReadonlySet or ReadonlyMap, or X is RegExp,
 * - a constant whose value the module changes (`list.push(…)`, `table.key = …`, `delete table.key`).
 */

/** Methods of Array, Map and Set that change their object. */
const MUTATORS = new Set(
  ["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin"].concat(
    ["set", "add", "delete", "clear"], // of Map and Set
  ),
);

const MESSAGES = {
  variable: "`{{name}}` is state of the module: keep it on the Operation, or on an object that is passed in",
  instance:
    "`{{name}}` holds an object for the whole process: keep it on the Operation, or declare it ReadonlySet or ReadonlyMap",
  mutated: "the module changes `{{name}}`: keep it on the Operation, or on an object that is passed in",
  static: "a static field that changes is state of the module: make `{{name}}` readonly",
};

/** The expression without `as T`, `satisfies T` and `!`. */
function bare(node) {
  const wrappers = ["TSAsExpression", "TSSatisfiesExpression", "TSNonNullExpression"];
  return node && wrappers.includes(node.type) ? bare(node.expression) : node;
}

function isReadonlyType(annotation) {
  const type = annotation?.typeAnnotation;
  return type?.type === "TSTypeReference" && ["ReadonlySet", "ReadonlyMap"].includes(type.typeName.name);
}

/** True for a `new` that makes an object which can change. */
function makesState(init) {
  const value = bare(init);
  return value?.type === "NewExpression" && value.callee.name !== "RegExp";
}

/** True where a reference is the root of an assignment, a deletion or a call that changes its object. */
function changes(identifier) {
  let node = identifier;
  while (node.parent.type === "MemberExpression" && node.parent.object === node) {
    const member = node.parent;
    const called = member.parent.type === "CallExpression" && member.parent.callee === member;
    if (called && !member.computed) return MUTATORS.has(member.property.name);
    node = member;
  }
  if (node === identifier) return false;
  const { parent } = node;
  if (parent.type === "AssignmentExpression") return parent.left === node;
  return parent.type === "UpdateExpression" || (parent.type === "UnaryExpression" && parent.operator === "delete");
}

/** @type {import("eslint").Rule.RuleModule} */
export const noModuleState = {
  meta: { type: "problem", messages: MESSAGES, schema: [] },
  create(context) {
    function declaration(node) {
      for (const one of node.declarations) {
        const name = context.sourceCode.getText(one.id).split(/[:\s]/)[0];
        if (node.kind === "let" || node.kind === "var") {
          context.report({ node: one, messageId: "variable", data: { name } });
          continue;
        }
        if (makesState(one.init) && !isReadonlyType(one.id.typeAnnotation)) {
          context.report({ node: one, messageId: "instance", data: { name } });
          continue;
        }
        for (const variable of context.sourceCode.getDeclaredVariables(one)) {
          const changed = variable.references.find((reference) => changes(reference.identifier));
          if (changed === undefined) continue;
          context.report({ node: changed.identifier, messageId: "mutated", data: { name: variable.name } });
        }
      }
    }
    return {
      "Program > VariableDeclaration": declaration,
      "Program > ExportNamedDeclaration > VariableDeclaration": declaration,
      "PropertyDefinition[static=true]"(node) {
        if (node.readonly === true && !makesState(node.value)) return;
        context.report({ node, messageId: "static", data: { name: context.sourceCode.getText(node.key) } });
      },
    };
  },
};
