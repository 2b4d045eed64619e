// Words by their key, with values in their places. What is said of the cluster itself comes as a Message.
import type { Language } from './message.ts';
import type { wordsEn } from './words-en.ts';

export type SharedWord = keyof typeof wordsEn;

export type Words<Key extends string> = (
  key: Key,
  values?: Readonly<Record<string, string | number>>,
) => string;

/** What fills the places of the words of one language. */
export function wordsOf<Key extends string>(
  texts: Readonly<Record<Language, Readonly<Record<Key, string>>>>,
  language: Language,
): Words<Key> {
  return (key, values = {}) =>
    texts[language][key].replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** Seconds, where it was less than two minutes. */
export function tookOf(
  from: string,
  to: string,
  { w, span }: { readonly w: Words<'seconds'>; readonly span: (milliseconds: number) => string },
): string {
  const took = Date.parse(to) - Date.parse(from);
  return took < 120_000 ? w('seconds', { count: (took / 1000).toFixed(took < 10_000 ? 1 : 0) }) : span(took);
}
