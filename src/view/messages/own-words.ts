// What controller and agent say in their own words: names, numbers and causes beside the reasons that have words here. They
// write it in English, into objects and logs. What is made of a fixed text and values has a Chinese form (zh-own.ts); the rest
// stays as it was written: what others said, commands to be typed, errors of the tool.
import type { Language } from './message.ts';
import { zhOwn } from './zh-own.ts';

interface Form {
  /** What it begins with, so that most are not tried at all. */
  readonly head: string;
  readonly pattern: RegExp;
  readonly text: string;
}

/** A cause, or what is to be done, may be several; a name or a number ends where the next sentence begins. */
const valueOf = (name: string): string => (/^(?:why|advice|command)$/.test(name) ? '.+?' : '(?:(?!; ).)+?');

const place = /\{(\w+)\}/g;

const forms: readonly Form[] = Object.entries(zhOwn)
  // The one that says more goes first: a place takes whatever stands there.
  .toSorted(([a], [b]) => b.replaceAll(place, '').length - a.replaceAll(place, '').length)
  .map(([english, text]) => {
    const escaped = english.replaceAll(/[$()*+.?[\\\]^|]/g, String.raw`\$&`);
    const pattern = new RegExp(
      `^${escaped.replaceAll(place, (_, name: string) => `(?<${name}>${valueOf(name)})`)}$`,
      's',
    );
    return { head: english.split('{', 1)[0] ?? '', pattern, text };
  });

/** Longer, and deeper in one another, is nothing that we write; whoever made it up shall not keep a reader waiting. */
const longest = 1000;
const deepest = 4;

/** In the language of the reader, as far as there are words for it. */
export function ownWords(text: string, language: Language): string {
  if (language === 'en' || text === '' || text.length > longest) return text;
  return translated(text) ?? text;
}

/** Undefined: nothing of it is known. */
function translated(text: string, depth = 0): string | undefined {
  if (depth > deepest) return undefined;
  for (const { head, pattern, text: form } of forms) {
    const found = text.startsWith(head) ? pattern.exec(text) : null;
    if (found === null) continue;
    return form.replaceAll(place, (_, name: string) => {
      const value = found.groups?.[name] ?? '';
      return translated(value, depth + 1) ?? value;
    });
  }
  const [, name, cause] = /^([\w.-]+): (.+)$/s.exec(text) ?? [];
  const said = cause === undefined ? undefined : translated(cause, depth + 1);
  if (said !== undefined) return `${name}：${said}`;
  const parts = text.split('; ');
  const known = parts.map((part) => (parts.length > 1 ? translated(part, depth + 1) : undefined));
  if (known.every((one) => one === undefined)) return undefined;
  return parts.map((part, i) => known[i] ?? part).join('；');
}
