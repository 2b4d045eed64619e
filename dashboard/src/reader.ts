// Who reads the page: their language and theme, as their browser says and as they choose.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import {
  dateOf,
  say,
  spanOf,
  timeOf,
  type Language,
  type Message,
  type Speaker,
} from '../../src/view/messages/message.ts';
import { ownWords } from '../../src/view/messages/own-words.ts';
import { wordsIn } from './words.ts';

export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export interface Reader {
  readonly language: Language;
  readonly w: ReturnType<typeof wordsIn>;
  readonly say: (message: Message) => string;
  /** What controller and agent say in their own words. */
  readonly own: (text: string) => string;
  readonly date: (at: string) => string;
  readonly time: (at: string) => string;
  /** To the second, of a day that is told elsewhere. */
  readonly clock: (at: string) => string;
  readonly span: (milliseconds: number) => string;
}

export function readerOf(language: Language): Reader {
  const speaker: Speaker = { language };
  return {
    language,
    w: wordsIn(language),
    say: (message) => say(message, speaker),
    own: (text) => ownWords(text, language),
    date: (at) => dateOf(at, speaker),
    time: (at) => timeOf(at, speaker),
    clock: (at) => secondsOf(at),
    span: (milliseconds) => spanOf(milliseconds, speaker),
  };
}

/** As `14:05:59`. */
function secondsOf(at: string): string {
  const moment = new Date(at);
  return Number.isNaN(moment.getTime()) ? '–' : moment.toLocaleTimeString('sv-SE');
}

/** The reader's own, by its IANA name. */
export const zone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

export const ReaderContext = createContext<Reader>(readerOf('en'));
export const useReader = (): Reader => useContext(ReaderContext);

/** What was chosen before, else the browser's. A browser that keeps nothing is no error. */
export function chosen<T extends string>(name: string, among: readonly T[], fallback: T): T {
  try {
    const kept = localStorage.getItem(name);
    return among.find((one) => one === kept) ?? fallback;
  } catch {
    return fallback;
  }
}

export function choose(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Then it is forgotten with the page.
  }
}

export const browserLanguage = (): Language =>
  navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
