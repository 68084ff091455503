/** Text that is HTML; only {@link html} makes it, so that no text of a droplet's becomes markup. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What a template takes: text, which is escaped, and markup, which is not. */
export type Content = string | number | Markup | readonly Content[];

/** A template for HTML: values are escaped unless they are {@link Markup}. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.map((part, at) => part + (at < values.length ? render(values[at] ?? "") : "")).join(""));
}

function render(value: Content): string {
  if (typeof value === "string" || typeof value === "number") return escaped(String(value));
  return value instanceof Markup ? value.text : value.map(render).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
