// The words of the page alone. What is said of the cluster comes from src/view/messages.
import type { Language } from '../../src/view/messages/message.ts';
import { en } from './words-en.ts';
import { zh } from './words-zh.ts';

export type WordKey = keyof typeof en;

export function wordsIn(language: Language) {
  const texts: Readonly<Record<WordKey, string>> = language === 'zh' ? zh : en;
  return (key: WordKey, values: Readonly<Record<string, string | number>> = {}): string =>
    texts[key].replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}
