import { quote } from "../quote";

/** These words as the value of ProxyCommand, which a shell runs after ssh has put in host and port for `[%h]:%p`. */
export function asProxyCommand(words: readonly string[]): string {
  return words.map((word) => (word === "[%h]:%p" ? word : quote(word.replaceAll("%", "%%")))).join(" ");
}
