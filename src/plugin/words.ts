// Who reads: their language, and every way to say something in it.
import {
  dateOf,
  languages,
  say,
  spanOf,
  timeOf,
  type Language,
  type Message,
  type Speaker,
} from '../view/messages/message.ts';
import { ownWords } from '../view/messages/own-words.ts';
import { wordsEn } from '../view/messages/words-en.ts';
import { wordsZh } from '../view/messages/words-zh.ts';
import { wordsOf, type Words } from '../view/messages/words.ts';
import { en as ownEn } from './words-en.ts';
import { zh as ownZh } from './words-zh.ts';

const texts = { en: { ...wordsEn, ...ownEn }, zh: { ...wordsZh, ...ownZh } } as const;
export type WordKey = keyof typeof texts.en;

/** A word and what fills it, for whoever prints it later. */
export interface Told {
  readonly key: WordKey;
  readonly values: Readonly<Record<string, string | number>>;
}

export const wordOf = (key: WordKey, values: Told['values']): Told => ({ key, values });

export interface Reader {
  readonly language: Language;
  readonly w: Words<WordKey>;
  readonly say: (message: Message) => string;
  /** What controller and agent say in their own words. */
  readonly own: (text: string) => string;
  readonly date: (at: string) => string;
  readonly time: (at: string) => string;
  readonly span: (milliseconds: number) => string;
  readonly list: (words: readonly string[]) => string;
}

export function readerOf(language: Language, zone?: string): Reader {
  const speaker: Speaker = { language, ...(zone === undefined ? {} : { zone }) };
  return {
    language,
    w: wordsOf<WordKey>(texts, language),
    say: (message) => say(message, speaker),
    own: (text) => ownWords(text, language),
    date: (at) => dateOf(at, speaker),
    time: (at) => timeOf(at, speaker),
    span: (milliseconds) => spanOf(milliseconds, speaker),
    list: (words) => words.join(language === 'zh' ? '、' : ', '),
  };
}

/** The one that was asked for, else that of the environment, by POSIX’s order; English where it is another. */
export function languageOf(asked: Language | undefined, env: NodeJS.ProcessEnv): Language {
  if (asked !== undefined) return asked;
  const locale = env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || '';
  return languages.find((language) => locale.toLowerCase().startsWith(language)) ?? 'en';
}
