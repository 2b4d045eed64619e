// docs/what-you-see has a row for every line of a page that says how something stands (keys need, safe, next, node, ca), for
// what kubectl's plugin says where it may not read, and for every gate, reason, ending and Event of a node: a new one without
// a row fails here, in both languages, and so does a row that no line of the code is behind.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { endings } from '../../src/controller/metrics-endings.ts';
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
import { needsOf } from '../../src/view/needs.ts';
import { needyClusters } from './needy-clusters.ts';

const root = join(import.meta.dirname, '../..');

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

/** Of nodes; what is neither gate nor reason has no words but its message. */
const eventNames = readdirSync(join(root, 'src/controller'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => readFileSync(join(root, 'src/controller', name), 'utf8'))
  .filter((text) => text.includes(`kind: 'Node'`))
  .flatMap((text) => [...text.matchAll(/(?:type: '(?:Normal|Warning)', reason: |aboutNode\(\w+, )'(\w+)'/g)])
  .map(([, name = '']) => name);

const places = Object.values(en).flatMap((text) =>
  [...text.matchAll(/\{(\w+)/g)].map(([, name = '']) => name),
);

/** As the documents write a line: two of what is counted, and … for whatever else is filled in. */
const filled = { ...Object.fromEntries(places.map((name) => [name, '…'])), count: 2, more: 2 };

const saysSomething = (cells: readonly string[]): boolean => cells.length > 0 && !cells.includes('');

interface Row {
  /** The heading of the first column of its table. */
  readonly of: string;
  /** Lines for which the same is to be done share a row. */
  readonly names: readonly string[];
  /** Behind the first. */
  readonly cells: readonly string[];
}

function rowsIn(text: string): readonly Row[] {
  const tables = text.split('\n\n').filter((block) => block.startsWith('| '));
  return tables.flatMap((table) => {
    const [head = [], , ...rows] = table
      .trim()
      .split('\n')
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    return rows.map(([first = '', ...cells]) => ({ of: head[0] ?? '', names: first.split('<br>'), cells }));
  });
}

describe.each(documents)('in %s', (language, file) => {
  const text = readFileSync(join(root, 'docs', file), 'utf8');
  const rows = rowsIn(text);
  const said = (what: Message): string => say(what, { language });

  const line = (key: MessageKey): string => said(message(key, filled));
  const blindLine = (key: string): string => {
    const words: Readonly<Record<string, string>> = { en: pluginEn, zh: pluginZh }[language];
    return words[key]?.replaceAll(/\{\w+\}/g, '…') ?? key;
  };
  const gateLine = (gate: Gate): string => `\`${gate}\`: ${said(gateMessage(gate))}`;
  const reasonLine = (reason: Reason): string => `\`${reason}\`: ${said(reasonMessage(reason))}`;
  const eventLine = (name: string): string => {
    if (isGate(name)) return gateLine(name);
    return isReason(name) ? reasonLine(name) : `\`${name}\``;
  };

  const rowsOf = (name: string): readonly Row[] => {
    const found = rows.filter(({ names }) => names.includes(name));
    expect(found, `no row for: ${name}`).not.toEqual([]);
    return found;
  };
  const cellsOf = (name: string): readonly string[] => rowsOf(name)[0]?.cells ?? [];
  const tablesOf = (name: string): readonly string[] => rowsOf(name).map(({ of }) => of);

  it.each(lines)('%s has a row', (key) => {
    expect(cellsOf(line(key))).toSatisfy(saysSomething);
  });

  it.each(blind)('%s of kubectl certrot has a row', (key) => {
    expect(cellsOf(blindLine(key))).toSatisfy(saysSomething);
  });

  it.each(Object.keys(gates).filter(isGate))('gate %s has a row, with what it gives way to', (gate) => {
    const cells = cellsOf(gateLine(gate));
    expect(cells).toContain(said(message(gates[gate].hard ? 'plan.hard' : 'plan.soft')));
    expect(cells).toSatisfy(saysSomething);
  });

  it.each(Object.keys(reasons).filter(isReason))('reason %s has a row', (reason) => {
    expect(cellsOf(reasonLine(reason))).toSatisfy(saysSomething);
  });

  it('all by which a rotation may end stand in the table of endings', () => {
    const [table = ''] = tablesOf(reasonLine('Renewed'));
    const lacking = Object.values(endings)
      .flat()
      .filter((reason) => !tablesOf(reasonLine(reason)).includes(table));
    expect(lacking).toEqual([]);
  });

  it('all Events of a node stand in their table', () => {
    const [table = ''] = tablesOf(reasonLine('ScanFailed'));
    expect(eventNames).toEqual(expect.arrayContaining(['CaUnavailable', 'PodRefused', 'CaRefused']));
    // Of a request, on its rotation; the node gets it with the ending.
    const ofRotations = ['SigningRefused'];
    const lacking = eventNames.filter(
      (name) => !ofRotations.includes(name) && !tablesOf(eventLine(name)).includes(table),
    );
    expect(lacking).toEqual([]);
  });

  it('what needs a person stands by its mark and in the order of the page', () => {
    const seen = needyClusters.map(needsOf);
    const known = new Set(seen.flat().map(({ text: { key } }) => key));
    expect(lines.filter((key) => key.startsWith('need.') && !known.has(key))).toEqual([]);
    const marks = { act: tablesOf(line('need.caExpired')), watch: tablesOf(line('need.caEnding')) };
    expect(marks.act).not.toEqual(marks.watch);
    for (const needs of seen) {
      const told = needs.map(({ text: { key } }) => line(key));
      expect(needs.map(({ level }) => marks[level])).toEqual(told.map(tablesOf));
      const inDocument = rows.flatMap(({ names }) => names).filter((name) => told.includes(name));
      expect(inDocument).toEqual(told);
    }
  });

  it('has no row for what is no line of the code any more', () => {
    const known = new Set([
      ...lines.map(line),
      ...blind.map(blindLine),
      ...Object.keys(gates).filter(isGate).map(gateLine),
      ...Object.keys(reasons).filter(isReason).map(reasonLine),
      ...eventNames.map(eventLine),
    ]);
    const actions = { en: 'action', zh: '操作' }[language];
    const names = rows.filter(({ of }) => of !== actions).flatMap((row) => row.names);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  it('who may act is named as the chart names them', () => {
    expect(text).toContain(`\`${operatorRole}\``);
    expect(text).toContain('`people.operators`');
  });
});
