// docs/what-you-see says of every line that the dashboard and kubectl's plugin may show what it is and what to do. The lines
// are those of the code: a new one without a row fails here, in both languages.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { operatorRole } from '../../src/plugin/act.ts';
import { en as pluginEn } from '../../src/plugin/words-en.ts';
import { zh as pluginZh } from '../../src/plugin/words-zh.ts';
import { gates, reasons, type Gate, type Reason } from '../../src/policy/reasons.ts';
import { en } from '../../src/view/messages/en.ts';
import {
  gateMessage,
  message,
  reasonMessage,
  say,
  type Language,
  type Message,
  type MessageKey,
} from '../../src/view/messages/message.ts';

const documents: readonly (readonly [Language, string])[] = [
  ['en', 'what-you-see.md'],
  ['zh', 'what-you-see.zh.md'],
];

const isKey = (key: string): key is MessageKey => Object.hasOwn(en, key);
const isGate = (name: string): name is Gate => Object.hasOwn(gates, name);
const isReason = (name: string): name is Reason => Object.hasOwn(reasons, name);

/** Stand inside of other lines, or say that there is nothing to do. */
const parts = new Set(['need.none', 'need.first', 'need.firstLeft', 'need.firstWhy']);

const lines = Object.keys(en)
  .filter(isKey)
  .filter((key) => /^(?:need|safe|next|node|ca)\./.test(key) && !parts.has(key));

const blind = Object.keys(pluginEn).filter((key) => key.startsWith('blind.'));

const places = Object.values(en).flatMap((text) =>
  [...text.matchAll(/\{(\w+)/g)].map(([, name = '']) => name),
);

/** As the documents write a line: two of what is counted, and … for whatever else is filled in. */
const filled = { ...Object.fromEntries(places.map((name) => [name, '…'])), count: 2, more: 2 };

const saysSomething = (cells: readonly string[]): boolean => cells.length > 0 && !cells.includes('');

describe.each(documents)('in %s', (language, file) => {
  const text = readFileSync(join(import.meta.dirname, '../../docs', file), 'utf8');
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const said = (what: Message): string => say(what, { language });

  /** The cells behind the first, in the row that names it; lines for which the same is to be done share one. */
  const rowOf = (name: string): readonly string[] => {
    const row = rows.find(([, first = '']) => first.split('<br>').includes(name));
    expect(row, `no row for: ${name}`).toBeDefined();
    return row?.slice(2, -1) ?? [];
  };

  it.each(lines)('%s has a row', (key) => {
    expect(rowOf(said(message(key, filled)))).toSatisfy(saysSomething);
  });

  it.each(blind)('%s of kubectl certrot has a row', (key) => {
    const words: Readonly<Record<string, string>> = { en: pluginEn, zh: pluginZh }[language];
    expect(rowOf(words[key]?.replaceAll(/\{\w+\}/g, '…') ?? key)).toSatisfy(saysSomething);
  });

  it.each(Object.keys(gates).filter(isGate))('gate %s has a row, with what it gives way to', (gate) => {
    const cells = rowOf(`\`${gate}\`: ${said(gateMessage(gate))}`);
    expect(cells).toContain(said(message(gates[gate].hard ? 'plan.hard' : 'plan.soft')));
    expect(cells).toSatisfy(saysSomething);
  });

  it.each(Object.keys(reasons).filter(isReason))('reason %s has a row', (reason) => {
    expect(rowOf(`\`${reason}\`: ${said(reasonMessage(reason))}`)).toSatisfy(saysSomething);
  });

  it('who may act is named as the chart names them', () => {
    expect(text).toContain(`\`${operatorRole}\``);
    expect(text).toContain('`people.operators`');
  });
});
