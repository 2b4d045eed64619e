// What the product says to people, as a key and its parameters: the page and kubectl's plugin print the same sentences, in
// the language of whoever reads them.
import { timeText } from '../../policy/due.ts';
import { gates, reasons, type Gate, type Reason } from '../../policy/reasons.ts';
import { en } from './en.ts';
import { zh } from './zh.ts';
import { zhGates, zhReasons } from './zh-reasons.ts';

export const languages = ['en', 'zh'] as const;
export type Language = (typeof languages)[number];

export type MessageKey = keyof typeof en | `gate.${Gate}` | `reason.${Reason}`;

/** What fills a place of a text. `at`: a moment, RFC 3339. `span`: milliseconds. */
export type Value =
  | string
  | number
  | Message
  | { readonly at: string; readonly time?: true }
  | { readonly span: number }
  | { readonly list: readonly (string | Message)[] };

export interface Message {
  readonly key: MessageKey;
  readonly with?: Readonly<Record<string, Value>>;
}

export interface Speaker {
  readonly language: Language;
  /** IANA name; the reader's own when absent. */
  readonly zone?: string;
}

export function message(key: MessageKey, values?: Readonly<Record<string, Value>>): Message {
  return values === undefined ? { key } : { key, with: values };
}

export const gateMessage = (gate: Gate): Message => ({ key: `gate.${gate}` });
export const reasonMessage = (reason: Reason): Message => ({ key: `reason.${reason}` });

/** `{name}` is a value, `{name#one#many}` the word that fits its number. */
const place = /\{(\w+)(?:#([^#{}]*)#([^#{}]*))?\}/g;

export function say({ key, with: values = {} }: Message, speaker: Speaker): string {
  return textOf(key, speaker.language).replaceAll(
    place,
    (_, name: string, one: string | undefined, many: string | undefined) => {
      const value = values[name] ?? '';
      if (one !== undefined && many !== undefined) return value === 1 ? one : many;
      return sayValue(value, speaker);
    },
  );
}

function textOf(key: MessageKey, language: Language): string {
  const [room, name = ''] = key.split('.', 2);
  if (room === 'gate') return wordsOf(name, { en: gateTexts, zh: zhGates }[language]);
  if (room === 'reason') return wordsOf(name, { en: reasons, zh: zhReasons }[language]);
  return wordsOf(key, { en, zh }[language]);
}

const gateTexts: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(gates).map(([gate, { text }]) => [gate, text]),
);

function wordsOf(key: string, texts: Readonly<Record<string, string>>): string {
  return Object.hasOwn(texts, key) ? (texts[key] ?? key) : key;
}

export function sayValue(value: Value, speaker: Speaker): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return value.toLocaleString('en-US');
  if ('key' in value) return say(value, speaker);
  if ('at' in value) return value.time === true ? timeOf(value.at, speaker) : dateOf(value.at, speaker);
  if ('span' in value) return spanOf(value.span, speaker);
  const separator = speaker.language === 'zh' ? '、' : ', ';
  return value.list.map((each) => sayValue(each, speaker)).join(separator);
}

/** As `2027-01-31`. */
export function dateOf(at: string, speaker: Speaker): string {
  return momentOf(at, speaker, {});
}

/** As `2027-01-31 14:05`. */
export function timeOf(at: string, speaker: Speaker): string {
  return momentOf(at, speaker, { hour: '2-digit', minute: '2-digit' });
}

/** Sweden writes dates as ISO 8601 does. */
function momentOf(at: string, { zone }: Speaker, more: Intl.DateTimeFormatOptions): string {
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return '–';
  const options: Intl.DateTimeFormatOptions = { year: 'numeric', month: '2-digit', day: '2-digit', ...more };
  return formatter(zone, options).format(moment);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Making one takes as long as a thousand uses of it. */
function formatter(zone: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone ?? ''} ${options.hour ?? ''}`;
  const known = formatters.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('sv-SE', {
    ...options,
    ...(zone === undefined ? {} : { timeZone: zone }),
  });
  formatters.set(key, made);
  return made;
}

const zhUnits: Readonly<Record<string, string>> = { d: '天', h: '小时', min: '分钟' };

/** As `30 d`, `2.5 h`, `6 min`; of the past without a sign. */
export function spanOf(milliseconds: number, { language }: Speaker): string {
  const text = timeText(Math.abs(milliseconds));
  return language === 'en' ? text : text.replace(/[a-z]+$/, (unit) => zhUnits[unit] ?? unit);
}
