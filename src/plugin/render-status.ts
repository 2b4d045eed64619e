// What `status` says, in lines. Pure.
import { nodeStates, type NodeState } from '../view/node-states.ts';
import type { NodeRow } from '../view/nodes.ts';
import type { Summary } from '../view/summary.ts';
import { statusCodes } from './exit-codes.ts';
import { tableOf } from './text.ts';
import type { Reader, Told } from './words.ts';

export interface StatusWish {
  readonly summary: Summary;
  readonly rows: readonly NodeRow[];
  readonly blind: readonly Told[];
  /** Every node, also those that need nothing. */
  readonly all: boolean;
}

/** More than a screen has. */
const shown = 20;

const quiet: ReadonlySet<NodeState> = new Set(['fine', 'planned']);

const needsSomething = ({ state, ready, paused }: NodeRow): boolean => !quiet.has(state) || !ready || paused;

export function statusLines({ summary, rows, blind, all }: StatusWish, reader: Reader): readonly string[] {
  const { say, w } = reader;
  const needs = summary.needs.map(({ level, text }) => `  ${level === 'act' ? '!' : '-'} ${say(text)}`);
  return [
    say(summary.headline),
    `  ${say(summary.safe)}`,
    '',
    w('ask.next'),
    `  ${say(summary.next)}`,
    w('ask.needs'),
    ...(needs.length === 0 ? [`  ${say({ key: 'need.none' })}`] : needs),
    ...blind.map(({ key, values }) => `  - ${w(key, values)}`),
    ...nodeLines(rows, all, reader),
  ];
}

function nodeLines(rows: readonly NodeRow[], all: boolean, reader: Reader): readonly string[] {
  const { w } = reader;
  const total = rows.length;
  if (total === 0) return [];
  const pressing = rows.filter(needsSomething);
  const wanted = (all ? rows : pressing).toSorted(byState);
  const table = all ? wanted : wanted.slice(0, shown);
  const head = [w('col.node'), w('col.role'), w('col.state'), w('col.until'), w('col.why')];
  const hidden = wanted.length - table.length;
  const quietly = total - pressing.length;
  return [
    '',
    ...(table.length === 0
      ? []
      : tableOf(
          head,
          table.map((row) => cellsOf(row, reader)),
        )),
    ...(hidden > 0 ? [w('status.more', { count: hidden })] : []),
    ...(pressing.length === 0 ? [w('status.fine', { total })] : []),
    ...(pressing.length > 0 && !all && quietly > 0 ? [w('status.others', { count: quietly, total })] : []),
  ];
}

const byState = (a: NodeRow, b: NodeRow): number => nodeStates.indexOf(a.state) - nodeStates.indexOf(b.state);

function cellsOf(row: NodeRow, { w, say, date, list }: Reader): readonly string[] {
  const { name, role, state, ready, paused, until, text } = row;
  const marks = [
    w(`nodeState.${state}`),
    ...(ready ? [] : [w('notReady')]),
    ...(paused ? [w('paused')] : []),
  ];
  return [name, w(`role.${role}`), list(marks), until === undefined ? '–' : date(until), say(text)];
}

export function statusCode({ state, needs }: Summary): number {
  if (state === 'unsafe') return statusCodes.unsafe;
  const isPressing = state !== 'safe' || needs.some(({ level }) => level === 'act');
  return isPressing ? statusCodes.needsPerson : statusCodes.fine;
}
