// Lines for a terminal: columns that fit what stands in them, also in Chinese, and nothing that steers it.
import { printable } from '../formats/text.ts';

/** East Asian characters take two columns (UAX #11), marks that combine none. */
const wide =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]/u;
const combining = /\p{M}/u;

export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (wide.test(character)) width += 2;
    else if (!combining.test(character)) width += 1;
  }
  return width;
}

const padTo = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));

/** A title line and the rows under it. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const cells = [head.map((title) => title.toUpperCase()), ...rows.map((row) => row.map(printable))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))));
  return cells.map((row) =>
    row
      .map((cell, column) => padTo(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Names and values, the values below each other. */
export function factsOf(facts: readonly (readonly [string, string])[], indent: string): readonly string[] {
  const width = Math.max(0, ...facts.map(([name]) => widthOf(name)));
  return facts.map(([name, value]) => `${indent}${padTo(name, width)}  ${printable(value)}`);
}

/** What is written out: each line of nothing but what may be printed. */
export const linesText = (lines: readonly string[]): string =>
  lines.map((line) => `${printable(line).trimEnd()}\n`).join('');
